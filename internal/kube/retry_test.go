package kube

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

var errRefused = &url.Error{Op: "Get", URL: "https://fake", Err: syscall.ECONNREFUSED}

var (
	errUnauthorized = apierrors.NewUnauthorized("Unauthorized")
	errWebhook      = apierrors.NewInternalError(errors.New(`failed calling webhook "guard": no endpoints available for service "guard"`))
)

var errExec = errors.New("getting credentials: exec: not found")

// TestRetry decides how long which failures are retried, on a fake clock.
func TestRetry(t *testing.T) {
	t.Parallel()
	unknownType := apierrors.NewGenericServerResponse(404, "patch", mappings.GroupResource(), "quote", "404 page not found", 0, true)
	tests := map[string]struct {
		err      error
		heals    time.Duration // when the failure stops; zero means never
		appears  bool
		took     time.Duration
		wantText string // of the error; empty for success
		exec     *clientcmdapi.ExecConfig
	}{
		"restart":               {err: errRefused, heals: 5 * time.Second, took: 5 * time.Second},
		"unreachable":           {err: errRefused, took: connectGrace, wantText: "cannot be reached: connection refused"},
		"busy":                  {err: apierrors.NewTooManyRequests("busy", 1), heals: 30 * time.Second, took: 30 * time.Second},
		"busy for good":         {err: apierrors.NewTooManyRequests("busy", 1), took: time.Minute, wantText: "gave up after 1m0s"},
		"namespace to come":     {err: apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "default"), appears: true, heals: 30 * time.Second, took: 30 * time.Second},
		"CRD to come":           {err: unknownType, appears: true, heals: 30 * time.Second, took: 30 * time.Second},
		"CRD that is just gone": {err: unknownType, took: 0, wantText: "Install the CRDs"},
		"forbidden":             {err: errForbidden, appears: true, took: 0, wantText: "forbidden"},
		"kind not served":       {err: &unservedError{mappings}, heals: 5 * time.Second, took: 5 * time.Second},
		"kind never served":     {err: &unservedError{mappings}, took: connectGrace, wantText: "the CRD mappings.getambassador.io is there, but the server does not serve getambassador.io/v3alpha1"},
		"token renewed":         {err: errUnauthorized, exec: &clientcmdapi.ExecConfig{Command: "login"}, heals: time.Millisecond, took: 0},
		"token refused twice":   {err: errUnauthorized, exec: &clientcmdapi.ExecConfig{Command: "login"}, took: 0, wantText: "They come from the command login, which was run again"},
		"token as text":         {err: errUnauthorized, heals: time.Millisecond, took: 0, wantText: "401 Unauthorized"},
		"webhook":               {err: errWebhook, heals: 30 * time.Second, took: 30 * time.Second},
		"webhook for good":      {err: errWebhook, took: time.Minute, wantText: `a webhook that the server has to ask does not answer: failed calling webhook "guard": no endpoints`},
		"credential command":    {err: &url.Error{Op: "Get", URL: "https://fake", Err: errExec}, took: 0, wantText: "the command that gets credentials failed: getting credentials: exec: not found. Check exec"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := fakeClient()
				client.config.ExecProvider = test.exec
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				err := client.retry(ctx, "apply", quote, test.appears, func(context.Context) error {
					if test.heals > 0 && time.Since(began) >= test.heals {
						return nil
					}
					return test.err
				})
				if took := time.Since(began); took < test.took || took > test.took+longestPause {
					t.Errorf("took %s, want %s", took, test.took)
				}
				switch {
				case test.wantText == "" && err != nil:
					t.Error(err)
				case test.wantText != "" && (err == nil || !strings.Contains(err.Error(), test.wantText)):
					t.Errorf("error %v, want %q", err, test.wantText)
				}
			})
		})
	}
}

// TestGivesTheReason: the attempt that is cut when time runs out does not hide what
// the ones before it said.
func TestGivesTheReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := fakeClient()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		attempts := 0
		err := client.retry(ctx, "apply", quote, true, func(ctx context.Context) error {
			if attempts++; attempts == 1 {
				return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "default")
			}
			<-ctx.Done()
			return &url.Error{Op: "Patch", URL: "https://fake", Err: ctx.Err()}
		})
		if want := "the namespace default does not exist"; attempts != 2 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %d attempts: %v, want %q", attempts, err, want)
		}
	})
}

// TestOutageIsShared spends the patience for a server that is away once, not once
// per object, and notices when it is back.
func TestOutageIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := fakeClient()
		began, attempts, back := time.Now(), 0, false
		call := func(context.Context) error {
			attempts++
			if back {
				return nil
			}
			return errRefused
		}
		for range 100 {
			if client.retry(t.Context(), "read", quote, false, call) == nil {
				t.Fatal("a server that is away answered")
			}
		}
		if took := time.Since(began); took > connectGrace+longestPause {
			t.Errorf("100 objects took %s", took)
		}
		before := attempts
		time.Sleep(believeFor + time.Second)
		back = true
		if err := client.retry(t.Context(), "read", quote, false, call); err != nil || attempts != before+1 {
			t.Errorf("after it came back: %v", err)
		}
	})
}

// TestWritesComeToTheirEnd lets a write go on for a while after an interrupt, and
// begins none after it.
func TestWritesComeToTheirEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		last, done, err := finish(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		interrupt()
		late, err := noLateAttempts{http.DefaultTransport}.RoundTrip(httptest.NewRequest("PATCH", "/", nil).WithContext(last))
		if err == nil {
			late.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("an attempt that came too late: %v", err)
		}
		time.Sleep(writeGrace - time.Second)
		if last.Err() != nil {
			t.Error("the write was cut off at once")
		}
		time.Sleep(2 * time.Second)
		if last.Err() == nil {
			t.Error("the write goes on for ever")
		}
		if _, _, err := finish(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("another one was begun after the interrupt: %v", err)
		}
	})
}
