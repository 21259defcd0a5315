package release

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

func TestUntilAbandoned(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status helmrelease.Status
		age    time.Duration
		labels map[string]time.Duration // label: age
		ours   bool
		want   time.Duration
	}{
		"settled":                      {status: helmrelease.StatusSuperseded, want: 0},
		"uninstalled, history kept":    {status: helmrelease.StatusUninstalled, want: 0},
		"helm's, young":                {status: helmrelease.StatusPendingInstall, age: time.Minute, want: 4 * time.Minute},
		"helm's, old":                  {status: helmrelease.StatusPendingInstall, age: time.Hour, want: -55 * time.Minute},
		"helm's, written since":        {status: helmrelease.StatusPendingUpgrade, age: time.Hour, labels: map[string]time.Duration{modifiedLabel: 2 * time.Minute}, want: 3 * time.Minute},
		"ours, before the first beat":  {status: helmrelease.StatusPendingInstall, age: 10 * time.Second, ours: true, want: 20 * time.Second},
		"ours, beating":                {status: helmrelease.StatusPendingRollback, age: time.Hour, labels: map[string]time.Duration{createdLabel: time.Hour, modifiedLabel: 5 * time.Second}, ours: true, want: 25 * time.Second},
		"ours, dead":                   {status: helmrelease.StatusPendingUpgrade, age: time.Hour, labels: map[string]time.Duration{modifiedLabel: time.Minute}, ours: true, want: -30 * time.Second},
		"uninstalling, interrupted":    {status: helmrelease.StatusUninstalling, age: time.Hour, want: -55 * time.Minute},
		"a label that is not a number": {status: helmrelease.StatusPendingInstall, age: time.Minute, want: 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Labels have whole seconds.
				time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
				r := &helmrelease.Release{
					Info:   &helmrelease.Info{Status: test.status, LastDeployed: helmtime.Time{Time: time.Now().Add(-test.age)}},
					Labels: map[string]string{"version": "1", createdLabel: "x"},
				}
				for label, age := range test.labels {
					r.Labels[label] = strconv.FormatInt(time.Now().Add(-age).Unix(), 10)
				}
				if test.ours {
					r.Labels[heartbeatLabel] = "true"
				}
				if got := new(session).untilAbandoned(r); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
}

// TestHeartbeat: while an operation runs, the record of its revision, and no
// other, is renewed; afterwards it is not.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		record := func(version, status string) *corev1.Secret {
			return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
				Name: "sh.helm.release.v1.gateway.v" + version, Namespace: "edge",
				Labels: map[string]string{"owner": "helm", "name": "gateway", "status": status, "version": version},
			}}
		}
		client := fake.NewClientset(record("1", "superseded"), record("2", "pending-upgrade"))
		s := &session{records: client, namespace: "edge", log: t.Logf}
		touched := func(version string) string {
			secret, err := client.CoreV1().Secrets("edge").Get(t.Context(), "sh.helm.release.v1.gateway.v"+version, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return secret.Labels[modifiedLabel]
		}
		stop := s.keepAlive("gateway")
		time.Sleep(heartbeat + time.Second)
		first := touched("2")
		time.Sleep(heartbeat)
		second := touched("2")
		if first == "" || second <= first {
			t.Errorf("the pending revision was renewed at %q and %q", first, second)
		}
		if touched("1") != "" {
			t.Error("a revision that is not pending was renewed")
		}
		stop()
		time.Sleep(3 * heartbeat)
		if touched("2") != second {
			t.Error("the heart beats after the operation")
		}
	})
}

// TestHungServer: a server that accepts and never answers does not outlast the
// context.
func TestHungServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	client := ForConfig(t, &rest.Config{Host: "http://" + listener.Addr().String()})
	for name, call := range map[string]func(context.Context) error{
		"get": func(ctx context.Context) error { _, err := client.Get(ctx, Ref{"a", "b"}); return err },
		"apply": func(ctx context.Context) error {
			_, err := client.Apply(ctx, Spec{Namespace: "a", Name: "b"})
			return err
		},
		"delete": func(ctx context.Context) error {
			_, err := client.Delete(ctx, Ref{"a", "b"}, DeleteOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := call(ctx)
			if err == nil || !strings.Contains(err.Error(), "release a/b on http://"+listener.Addr().String()) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestRetry: a server that is overloaded or behind a broken proxy is asked again.
func TestRetry(t *testing.T) {
	t.Parallel()
	answers := []int{http.StatusBadGateway, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if len(answers) > 0 {
			w.WriteHeader(answers[0])
			answers = answers[1:]
			return
		}
		if _, err := w.Write([]byte(`{"kind":"SecretList","apiVersion":"v1","items":[]}`)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	_, err := ForConfig(t, &rest.Config{Host: server.URL}).Get(t.Context(), Ref{"a", "b"})
	if err != ErrNotFound { //nolint:errorlint // It must be this one, unwrapped.
		t.Errorf("error %v, want that there is no such release", err)
	}
	if len(answers) > 0 {
		t.Errorf("%d answers were not asked for", len(answers))
	}
}
