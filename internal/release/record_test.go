package release

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDecodeRecord reads what Helm has not compressed, and says what is no release. What Helm writes today is read in
// the tests of the conversion, which have Helm write it.
func TestDecodeRecord(t *testing.T) {
	t.Parallel()
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	record, err := DecodeRecord([]byte(encode(
		`{"name": "edge", "namespace": "emissary", "version": 3, "info": {"status": "deployed"}, "config": {"big": 12345678901, "cpu": 0.5},
		  "chart": {"metadata": {"name": "emissary-ingress", "version": "8.9.1"}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if record.String() != "emissary/edge" || record.Revision != 3 || record.Status != StatusDeployed || record.ChartName != "emissary-ingress" || record.ChartVersion != "8.9.1" {
		t.Errorf("read as %+v", record)
	}
	if diff := cmp.Diff(map[string]any{"big": int64(12345678901), "cpu": 0.5}, record.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for data, want := range map[string]string{
		"not base64!":                         "illegal base64",
		encode("\x1f\x8b\x08"):                "EOF",
		encode("\x1f\x8b\x08 not compressed"): "flate",
		encode("text"):                        "invalid character",
		encode(`{"name": "edge"}`):            "no name or revision",
	} {
		if _, err := DecodeRecord([]byte(data)); err == nil || !strings.Contains(err.Error(), "it is no release of Helm") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}
