package explain

import (
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The wanted paths are what Envoy 1.40 makes of them.
func TestNormalize(t *testing.T) {
	t.Parallel()
	plain := &hcmv3.HttpConnectionManager{NormalizePath: wrapperspb.Bool(true)}
	merging := &hcmv3.HttpConnectionManager{NormalizePath: wrapperspb.Bool(true), MergeSlashes: true}
	tests := []struct {
		manager    *hcmv3.HttpConnectionManager
		path, want string
	}{
		{plain, "/a/./b", "/a/b"},
		{plain, "/a/%2e%2E/b", "/b"},
		{plain, "/../a", "/a"},
		{plain, "/a/..", "/"},
		{plain, "/a/.", "/a/"},
		{plain, "/a//../b", "/a/b"},
		{plain, "/a/...", "/a/..."},
		{plain, `/a\..\b`, "/b"},
		{plain, "/a%2fb", "/a%2fb"},
		{plain, "/a/%5c../b", "/a/%5c../b"},
		{plain, "/%7Ea%2Db", "/~a-b"},
		{plain, `/"<>^` + "`{|}", "/%22%3C%3E%5E%60%7B%7C%7D"},
		{plain, "/%zz%4", "/%zz%4"},
		{plain, "/%%41", "/%A"},
		{plain, "/%%34%31", "/%2541"},
		{plain, "/%2%65", "/%252e"},
		{plain, "/a/..?x=/../b//c", "/?x=/../b//c"},
		{plain, "//a//b", "//a//b"},
		{merging, "//a//b///c", "/a/b/c"},
		{merging, "//a//", "/a/"},
		{merging, "///", "//"},
	}
	for _, test := range tests {
		if got, why := normalize(test.manager, test.path); got != test.want || why != "" {
			t.Errorf("%s: %q (%s), want %q", test.path, got, why, test.want)
		}
	}
	if _, why := normalize(plain, "/a%00"); why == "" {
		t.Error("an escaped NUL is not refused")
	}
	rejecting := &hcmv3.HttpConnectionManager{PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_REJECT_REQUEST}
	if _, why := normalize(rejecting, "/a%5Cb"); why == "" {
		t.Error("an escaped slash is not refused")
	}
}
