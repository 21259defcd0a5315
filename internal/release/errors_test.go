package release

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// TestFailure says of a connection what other resources say of it, and on which
// release.
func TestFailure(t *testing.T) {
	t.Parallel()
	client := ForConfig(t, &rest.Config{Host: "https://cluster.example.com", ExecProvider: &clientcmdapi.ExecConfig{
		Command: "aws", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}})
	const on = "cannot install release emissary/edge on https://cluster.example.com: "
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"refused":     {apierrors.NewUnauthorized("no"), on + "the server does not accept the credentials (401 Unauthorized). They come from the command aws, "},
		"unreachable": {syscall.ECONNREFUSED, on + "the server cannot be reached: connection refused. Check host, "},
		"forbidden":   {apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "a", errors.New("no")), "Give these credentials that verb"},
		"other":       {errors.New("x"), on + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := client.failure("install", Ref{"emissary", "edge"}, test.err)
			if !strings.Contains(err.Error(), test.want) || !errors.Is(err, test.err) {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
}
