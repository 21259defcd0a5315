package status_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/crds/v3alpha1"
)

// installation is one of several controllers that serve the same objects.
type installation struct {
	*status.Writer
	writes *writes
	end    func()
}

// lead starts the writer of an instance.
func (b *bench) lead(t *testing.T, id string) *installation {
	t.Helper()
	counted := &writes{}
	config := rest.CopyConfig(b.config)
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		counted.next = next
		return counted
	})
	i := &installation{writes: counted, Writer: status.NewWriter(status.WriterOptions{
		Client: dynamic.NewForConfigOrDie(config), Observed: b.source.Get, AmbassadorID: id,
		Takeover: 3 * time.Second, Log: slog.New(slog.DiscardHandler),
	})}
	ctx, cancel := context.WithCancel(context.Background())
	var leading sync.WaitGroup
	leading.Go(func() { i.Lead(ctx) })
	i.end = sync.OnceFunc(func() { cancel(); leading.Wait() })
	t.Cleanup(i.end)
	return i
}

// set writes the whole spec of a Mapping and returns its generation, once the watch has seen it.
func (b *bench) set(t *testing.T, name, prefix string, ids ...any) int64 {
	t.Helper()
	object, err := b.client.Resource(v3alpha1.GroupVersion.WithResource("mappings")).Namespace("default").Apply(t.Context(), name, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
		"metadata": map[string]any{"name": name, "namespace": "default"},
		"spec":     map[string]any{"ambassador_id": ids, "hostname": "*", "prefix": prefix, "service": "s"},
	}}, metav1.ApplyOptions{FieldManager: "test", Force: true})
	if err != nil {
		t.Fatal(err)
	}
	b.until(t, "the watch seeing "+name, func() bool {
		seen := b.source.Get(mapping(name))
		return seen != nil && seen.Generation >= object.GetGeneration()
	})
	return object.GetGeneration()
}

// says returns what is said of a Mapping's being Programmed: at the top (empty id), or by an instance.
func (b *bench) says(name, id string) (reason string, generation int64) {
	seen := b.source.Get(mapping(name))
	if seen == nil {
		return "", 0
	}
	conditions := seen.Conditions
	if id != "" {
		conditions = nil
		for _, instance := range seen.Instances {
			if instance.AmbassadorID == id {
				conditions = instance.Conditions
			}
		}
	}
	if condition := meta.FindStatusCondition(conditions, v3alpha1.ConditionProgrammed); condition != nil {
		return condition.Reason, condition.ObservedGeneration
	}
	return "", 0
}

// expect waits until something is said of a generation.
func (b *bench) expect(t *testing.T, name, id, reason string, generation int64) {
	t.Helper()
	b.until(t, "Mapping "+name+" having "+reason+" from "+id, func() bool {
		have, of := b.says(name, id)
		return have == reason && of == generation
	})
}

// TestTwoInstallsReportOnOneObject runs two leaders on a real API server that do not agree about a Mapping.
func TestTwoInstallsReportOnOneObject(t *testing.T) {
	t.Parallel()
	const programmed, rejected = "Programmed", status.ReasonRejectedByEnvoy
	b := newBench(t)
	b.create(t, "warm") // the definitions are served
	green, blue := b.lead(t, "green"), b.lead(t, "blue")

	// Blue is named second and is faster: it speaks at the top until green does.
	generation := b.set(t, "m", "/1/", "green", "blue")
	blue.Report(refused("m", generation))
	b.expect(t, "m", "blue", rejected, generation)
	b.expect(t, "m", "", rejected, generation)
	green.Report(served("m", generation))
	b.expect(t, "m", "green", programmed, generation)
	b.expect(t, "m", "", programmed, generation)
	b.expect(t, "m", "blue", rejected, generation)
	if object := b.read(t, "m"); object.Status.State != "Running" {
		t.Errorf("state %q is not that of who speaks", object.Status.State)
	}

	// Neither takes the other's words however often they change: one write for each change.
	before := [2]int64{green.writes.count.Load(), blue.writes.count.Load()}
	const changes = 10
	for range changes {
		generation = b.set(t, "m", "/"+time.Now().String()+"/", "green", "blue")
		green.Report(served("m", generation))
		blue.Report(refused("m", generation))
		b.expect(t, "m", "green", programmed, generation)
		b.expect(t, "m", "blue", rejected, generation)
		b.expect(t, "m", "", programmed, generation)
	}
	if n := green.writes.count.Load() - before[0]; n != changes {
		t.Errorf("green made %d writes for %d changes", n, changes)
	}
	if n := blue.writes.count.Load() - before[1]; n != changes {
		t.Errorf("blue made %d writes for %d changes", n, changes)
	}

	// Green ends. Blue waits for it, and then speaks for it; when green is back, it leaves.
	green.end()
	generation = b.set(t, "m", "/without-green/", "green", "blue")
	blue.Report(refused("m", generation))
	b.expect(t, "m", "blue", rejected, generation)
	b.expect(t, "m", "", rejected, generation)
	green = b.lead(t, "green")
	green.Report(served("m", generation))
	b.expect(t, "m", "", programmed, generation)
	generation = b.set(t, "m", "/with-green/", "green", "blue")
	green.Report(served("m", generation))
	b.expect(t, "m", "", programmed, generation)
	blue.Report(served("m", generation))
	b.expect(t, "m", "blue", programmed, generation)

	// The object leaves green: its words go, and blue needs no entry.
	generation = b.set(t, "m", "/blue/", "blue")
	green.Forget(mapping("m"))
	blue.Report(refused("m", generation))
	b.expect(t, "m", "", rejected, generation)
	b.until(t, "the entries going", func() bool {
		return len(b.source.Get(mapping("m")).Instances) == 0
	})

	// For all instances: the first by name speaks, also when it is the second to come.
	generation = b.set(t, "all", "/all/", "_automatic_")
	green.Report(refused("all", generation))
	b.expect(t, "all", "", rejected, generation)
	blue.Report(served("all", generation))
	b.expect(t, "all", "blue", programmed, generation)
	b.expect(t, "all", "", programmed, generation)
	b.expect(t, "all", "green", rejected, generation)
}
