package atlantis

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/internal/cli"
	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

// TestMain makes the test's binary the provider where Terraform starts it, so
// that the tests run the code as it is now.
func TestMain(m *testing.M) {
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		os.Exit(cli.Main(cli.Build{Version: mirrorVersion, Address: "registry.terraform.io/emissary/emissary"}, nil))
	}
	os.Exit(m.Run())
}

// TestPullRequests opens the repository's first pull request, one of the teams and one
// of the platform that change fields, and one that takes all of it away.
func TestPullRequests(t *testing.T) {
	t.Parallel()
	deps.OPA(t)
	needsBackend(t, "kubernetes")
	c := cluster.ForTest(t, cluster.Options{Workloads: true})
	createNamespaces(t, c, "terraform-state", "shop", "blog")
	s := newServer(t, c.Kubeconfig)
	groups := readRepoConfig(t).groups()

	for _, group := range groups {
		s.each(t, group, func(t *testing.T, p project) {
			s.request(t, p, p.Name+"-create.txt")
		})
	}

	teams := groups[len(groups)-1]
	s.edit(t, "shop/main.tf", "timeout_ms = 4000", "timeout_ms = 6000")
	s.edit(t, "blog/main.tf", `service    = "web:80"`, `service    = "web:8080"`)
	s.edit(t, "cart/manifests/kustomization.yaml", `newTag: "6"`, `newTag: "7"`)
	s.edit(t, "cart/manifests/kustomization.yaml", "  - banner.yaml\n", "")
	s.each(t, teams, func(t *testing.T, p project) {
		s.request(t, p, p.Name+"-change.txt")
	})

	s.edit(t, "platform/main.tf", "createDefaultListeners = true", "createDefaultListeners = true\n    replicaCount           = 2")
	s.request(t, groups[0][0], "platform-change.txt")

	slices.Reverse(groups)
	for _, group := range groups {
		s.each(t, group, func(t *testing.T, p project) {
			s.request(t, p, p.Name+"-destroy.txt", "-destroy")
		})
	}
}

// request is one project of one pull request: a plan with its comment and its
// policies in one clone, an apply in another one with credentials from another
// place, and a last plan that finds nothing to do.
func (s *server) request(t *testing.T, p project, expected string, extra ...string) {
	t.Helper()
	planned := s.clone(t, p)
	golden(t, expected, comment(planned.stage(t, "plan", extra...)))
	planned.stage(t, "policy_check")
	plan, err := os.ReadFile(filepath.Join(planned.dir, planFile))
	if err != nil {
		t.Fatal(err)
	}
	planned.forget(t) // and with it the credentials of the plan

	applied := s.clone(t, p)
	applied.must(t, "init", "-input=false")
	if err := os.WriteFile(filepath.Join(applied.dir, planFile), plan, 0o600); err != nil {
		t.Fatal(err)
	}
	applied.stage(t, "apply")
	if after := applied.stage(t, "plan", extra...); !strings.Contains(after, "No changes.") {
		t.Errorf("a plan after the apply changes something:\n%s", after)
	}
	applied.forget(t)
}

// each does something for the projects of a group at the same time, as the
// server does with parallel_plan and parallel_apply.
//
// Terraform does not lock the plugin cache. With a lock file it only reads a
// provider that is there, so one init fills the cache before the others start.
func (s *server) each(t *testing.T, group []project, do func(*testing.T, project)) {
	t.Helper()
	first := s.clone(t, group[0])
	first.must(t, "init", "-input=false", "-backend=false", "-lockfile=readonly")
	first.forget(t)
	var running sync.WaitGroup
	for _, p := range group {
		running.Go(func() {
			t.Run(p.Name, func(t *testing.T) { do(t, p) })
		})
	}
	running.Wait()
	if t.Failed() {
		t.FailNow() // what follows needs what failed
	}
}

// edit is a commit that changes a file of the repository.
func (s *server) edit(t *testing.T, file, before, after string) {
	t.Helper()
	path := s.path("repo", filepath.FromSlash(file))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(before)) {
		t.Fatalf("%s has no %q", path, before)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(before), []byte(after), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

func createNamespaces(t *testing.T, c *cluster.Cluster, names ...string) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(c.Config)
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
