package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/test/faultproxy"
	"terraform-provider-emissary/test/workspace"
)

// manyMappings are n of them.
func manyMappings(n int, namespace string) string {
	return fmt.Sprintf(`
resource "emissary_mapping" "many" {
  count     = %d
  name      = "quote-${count.index}"
  namespace = %q
  hostname  = "*"
  prefix    = "/${count.index}/"
  service   = "quote"
}
`, n, namespace)
}

// mappings are the ids of those in the test's namespace, sorted.
func (w *world) mappings() (ids []string) {
	w.Helper()
	list, err := w.objects("mappings").List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for _, object := range list.Items {
		ids = append(ids, object.GetNamespace()+"/"+object.GetName())
	}
	slices.Sort(ids)
	return ids
}

// reached waits until the proxy has seen that many requests that match. Until then
// it makes each of them take a while, so that others are under way.
func reached(p *faultproxy.Proxy, n int, match faultproxy.Match, w *workspace.Workspace, subcommand string) *workspace.Command {
	seen, slow := make(chan struct{}), faultproxy.Slow(300*time.Millisecond)
	p.Break(1, faultproxy.After(n-1, match), func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		close(seen)
		slow(w, r, server)
	})
	rule := p.Break(0, match, slow)
	c := w.Start(subcommand, "-auto-approve")
	<-seen
	rule.Heal()
	return c
}

// TestInterrupt presses Ctrl-C in the middle of an apply and of a destroy. What is
// under way comes to its end, the state has exactly what is in the cluster, and
// the next run does the rest.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	terraform := workspace.New(t, p.Provider()+manyMappings(40, w.namespace))

	apply := reached(p, 15, faultproxy.Writes, terraform, "apply")
	apply.Interrupt()
	if code, output := apply.End(); code == 0 || !strings.Contains(output, "Gracefully shutting down") {
		t.Fatalf("the apply was not interrupted: exit status %d\n%s", code, output)
	}
	written := w.mappings()
	if n := len(written); n < 15 || n == 40 {
		t.Errorf("%d objects were written", n)
	}
	if state := terraform.IDs(); !slices.Equal(state, written) {
		t.Errorf("the state has %q, the cluster %q", state, written)
	}
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()

	destroy := reached(p, 15, faultproxy.Deletes, terraform, "destroy")
	destroy.Interrupt()
	if code, output := destroy.End(); code == 0 {
		t.Fatalf("the destroy was not interrupted\n%s", output)
	}
	state := terraform.IDs()
	for _, left := range w.mappings() {
		if !slices.Contains(state, left) {
			t.Errorf("%s is in the cluster and not in the state", left)
		}
	}
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()
	w.destroy(terraform)
}

// destroy leaves nothing in the cluster and in the state.
func (w *world) destroy(terraform *workspace.Workspace) {
	w.Helper()
	terraform.Must("destroy", "-auto-approve")
	if left := append(w.mappings(), terraform.IDs()...); len(left) > 0 {
		w.Errorf("left after destroy: %q", left)
	}
}

// TestInterruptTwice presses Ctrl-C twice, when Terraform no longer waits for
// anything and its state may lack objects that were made. The next apply adopts
// them.
func TestInterruptTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	terraform := workspace.New(t, p.Provider()+manyMappings(40, w.namespace))

	apply := reached(p, 15, faultproxy.Writes, terraform, "apply")
	apply.Interrupt()
	apply.Interrupt()
	if code, output := apply.End(); code == 0 {
		t.Fatalf("the apply was not interrupted\n%s", output)
	}
	terraform.Must("apply", "-auto-approve")
	terraform.NoChanges()
	if n := len(w.mappings()); n != 40 {
		t.Errorf("%d objects, want 40", n)
	}
	w.destroy(terraform)
}

// TestTwoAppliesOfOneState are kept apart by the lock of the state.
func TestTwoAppliesOfOneState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	terraform := workspace.New(t, p.Provider()+manyMappings(40, w.namespace))
	first := reached(p, 5, faultproxy.Writes, terraform, "apply")
	terraform.Fails("Error acquiring the state lock", "apply", "-auto-approve")
	if code, output := first.End(); code != 0 {
		t.Errorf("the first apply: exit status %d\n%s", code, output)
	}
	terraform.NoChanges()
}

// TestTwoAppliesOfTheSameObjects come from two states that know nothing of each
// other. With the same configuration, both converge; one that destroys them leaves
// to the other to make them again.
func TestTwoAppliesOfTheSameObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	p.Break(0, faultproxy.Writes, faultproxy.Slow(50*time.Millisecond))
	one, other := workspace.New(t, p.Provider()+manyMappings(40, w.namespace)), workspace.New(t, p.Provider()+manyMappings(40, w.namespace))
	both := func(subcommand string) {
		t.Helper()
		first, second := one.Start(subcommand, "-auto-approve"), other.Start(subcommand, "-auto-approve")
		for _, c := range []*workspace.Command{first, second} {
			if code, output := c.End(); code != 0 {
				t.Errorf("%s: exit status %d\n%s", subcommand, code, output)
			}
		}
	}
	both("apply")
	one.NoChanges()
	other.NoChanges()
	one.Must("destroy", "-auto-approve")
	other.Must("apply", "-auto-approve")
	other.NoChanges()
	both("destroy")
	if left := w.mappings(); len(left) > 0 {
		t.Errorf("left after destroy: %q", left)
	}
}

// TestTwoAppliesThatDisagree come from two states and two field managers that want
// something else of the same objects. Each object goes to one of them; the other
// is told who has it, and may take it.
func TestTwoAppliesThatDisagree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := faultproxy.Start(t, w.Config)
	one := workspace.New(t, p.Provider(`field_manager = "one"`)+manyMappings(40, w.namespace))
	other := workspace.New(t, strings.ReplaceAll(p.Provider(`field_manager = "other"`)+manyMappings(40, w.namespace), `"quote"`, `"elsewhere"`))
	commands := []*workspace.Command{one.Start("apply", "-auto-approve"), other.Start("apply", "-auto-approve")}
	conflicts := 0
	for i, c := range commands {
		code, output := c.End()
		text := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " ")
		named := strings.Count(text, `spec.service is owned by "`+[]string{"other", "one"}[i]+`"`)
		if (code == 0) != (named == 0) {
			t.Errorf("exit status %d with %d conflicts\n%s", code, named, output)
		}
		conflicts += named
	}
	if conflicts != 40 {
		t.Errorf("%d conflicts, want one for each object", conflicts)
	}
	other.Write(strings.Replace(other.Config, "count     = 40", "count     = 40\n  force_conflicts = true", 1))
	other.Must("apply", "-auto-approve")
	other.NoChanges()
}
