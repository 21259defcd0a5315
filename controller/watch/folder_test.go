package watch_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds/v3alpha1"
)

// recorder is a sink that remembers the newest event of each object.
type recorder struct {
	mu     sync.Mutex
	events map[store.Ref]watch.Event
	count  int
	synced chan struct{}
	news   chan struct{}
}

func newRecorder() *recorder {
	return &recorder{events: map[store.Ref]watch.Event{}, synced: make(chan struct{}), news: make(chan struct{}, 1)}
}

func (r *recorder) Handle(event watch.Event) {
	r.mu.Lock()
	r.events[event.Ref] = event
	r.count++
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *recorder) Synced() { close(r.synced) }

func (r *recorder) get(ref store.Ref) (watch.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	event, ok := r.events[ref]
	return event, ok
}

func (r *recorder) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// await waits until the newest event of an object satisfies the condition.
func (r *recorder) await(t *testing.T, what string, ref store.Ref, is func(watch.Event) bool) watch.Event {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if event, ok := r.get(ref); ok && is(event) {
			return event
		}
		select {
		case <-r.news:
		case <-deadline:
			event, _ := r.get(ref)
			t.Fatalf("%s: %s did not happen; newest event: %+v", ref, what, event)
		}
	}
}

func prefixIs(prefix string) func(watch.Event) bool {
	return func(event watch.Event) bool {
		mapping, ok := event.Object.(*v3alpha1.Mapping)
		return ok && mapping.Spec.Prefix == prefix
	}
}

func gone(event watch.Event) bool     { return event.Object == nil && event.Rejected == nil }
func rejected(event watch.Event) bool { return event.Rejected != nil }

func ref(name string) store.Ref {
	return store.Ref{Kind: "Mapping", Namespace: "default", Name: name}
}

func mapping(name, prefix string) string {
	return fmt.Sprintf("---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: %s}\nspec: {hostname: '*', prefix: %s, service: s}\n", name, prefix)
}

// follow starts a folder source and waits for its first scan.
func follow(t *testing.T, dir string) *recorder {
	t.Helper()
	return followOptions(t, watch.FolderOptions{Dir: dir})
}

func newFolder(t *testing.T, options watch.FolderOptions) *watch.Folder {
	t.Helper()
	options.Log = slog.New(slog.DiscardHandler)
	folder, err := watch.NewFolder(options)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func followOptions(t *testing.T, options watch.FolderOptions) *recorder {
	t.Helper()
	folder := newFolder(t, options)
	ctx, cancel := context.WithCancel(context.Background())
	sink := newRecorder()
	ended := make(chan error, 1)
	go func() { ended <- folder.Run(ctx, sink) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the source ended with %v", err)
		}
	})
	select {
	case <-sink.synced:
	case <-time.After(30 * time.Second):
		t.Fatal("the folder was not read")
	}
	return sink
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolderReportsWhatExistsBeforeSynced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), mapping("a", "/a/")+mapping("b", "/b/"))
	write(t, filepath.Join(dir, "deep", "c.json"), `{"apiVersion":"getambassador.io/v3alpha1","kind":"Mapping","metadata":{"name":"c"},"spec":{"prefix":"/c/","service":"s"}}`)
	write(t, filepath.Join(dir, ".hidden", "d.yaml"), mapping("d", "/d/"))
	write(t, filepath.Join(dir, "notes.txt"), mapping("e", "/e/"))
	sink := follow(t, dir)
	for _, name := range []string{"a", "b", "c"} {
		event, ok := sink.get(ref(name))
		if !ok || !prefixIs("/"+name+"/")(event) {
			t.Errorf("Mapping %s was not reported before Synced: %+v", name, event)
		}
	}
	if total := sink.total(); total != 3 {
		t.Errorf("%d events, want 3: hidden and other files are not manifests", total)
	}
}

func TestFolderFollowsChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, dir, content string){
		"written in place": func(t *testing.T, dir, content string) {
			write(t, filepath.Join(dir, "m.yaml"), content)
		},
		"replaced by rename": func(t *testing.T, dir, content string) {
			write(t, filepath.Join(dir, ".m.yaml.swp"), content)
			if err := os.Rename(filepath.Join(dir, ".m.yaml.swp"), filepath.Join(dir, "m.yaml")); err != nil {
				t.Fatal(err)
			}
		},
		"removed and made anew": func(t *testing.T, dir, content string) {
			if err := os.Remove(filepath.Join(dir, "m.yaml")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "m.yaml"), content)
		},
		"moved to a new sub-folder": func(t *testing.T, dir, content string) {
			write(t, filepath.Join(dir, "new", "m.yaml"), content)
			if err := os.Remove(filepath.Join(dir, "m.yaml")); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "m.yaml"), mapping("m", "/one/"))
			sink := follow(t, dir)
			change(t, dir, mapping("m", "/two/"))
			event := sink.await(t, "the change", ref("m"), prefixIs("/two/"))
			if generation := event.Object.GetGeneration(); generation < 1 {
				t.Errorf("generation = %d", generation)
			}
		})
	}
}

// A ConfigMap volume is a folder of links to ..data/<file>, where ..data is a link that kubelet swaps.
func TestFolderFollowsConfigMapVolumes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..v1", "m.yaml"), mapping("m", "/one/"))
	link(t, "..v1", filepath.Join(dir, "..data"))
	link(t, filepath.Join("..data", "m.yaml"), filepath.Join(dir, "m.yaml"))
	sink := follow(t, dir)
	sink.await(t, "the first version", ref("m"), prefixIs("/one/"))

	write(t, filepath.Join(dir, "..v2", "m.yaml"), mapping("m", "/two/"))
	swap(t, "..v2", filepath.Join(dir, "..data"))
	event := sink.await(t, "the second version", ref("m"), prefixIs("/two/"))
	if generation := event.Object.GetGeneration(); generation != 2 {
		t.Errorf("generation = %d, want 2", generation)
	}
}

func TestFolderThatIsALinkItself(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	write(t, filepath.Join(base, "one", "m.yaml"), mapping("m", "/one/"))
	write(t, filepath.Join(base, "two", "m.yaml"), mapping("m", "/two/"))
	link(t, "one", filepath.Join(base, "current"))
	sink := follow(t, filepath.Join(base, "current"))
	sink.await(t, "the first folder", ref("m"), prefixIs("/one/"))
	swap(t, "two", filepath.Join(base, "current"))
	sink.await(t, "the second folder", ref("m"), prefixIs("/two/"))
	write(t, filepath.Join(base, "two", "m.yaml"), mapping("m", "/three/"))
	sink.await(t, "a change in the second folder", ref("m"), prefixIs("/three/"))
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// swap points a link elsewhere in one step, as kubelet does.
func swap(t *testing.T, target, name string) {
	t.Helper()
	link(t, target, name+".next")
	if err := os.Rename(name+".next", name); err != nil {
		t.Fatal(err)
	}
}

func TestFolderBadDocumentCostsOnlyItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "m.yaml")
	write(t, file, mapping("a", "/a/")+mapping("b", "/b/"))
	sink := follow(t, dir)

	// b breaks: it is rejected by name, with the place, and a goes on.
	write(t, file, mapping("a", "/a2/")+strings.Replace(mapping("b", "/b/"), "service: s", "servce: s", 1))
	event := sink.await(t, "the rejection", ref("b"), rejected)
	if event.Rejected.Generation != 2 || !strings.Contains(event.Rejected.Message, "m.yaml, document 2") || !strings.Contains(event.Rejected.Message, "spec.service") {
		t.Errorf("rejection = %+v", event.Rejected)
	}
	sink.await(t, "the change beside it", ref("a"), prefixIs("/a2/"))

	// A document nobody can read may have been any object of the file: none of them goes away.
	write(t, file, mapping("a", "/a3/")+"---\nspec: [\n")
	sink.await(t, "the change beside it", ref("a"), prefixIs("/a3/"))
	if event, _ := sink.get(ref("b")); gone(event) {
		t.Error("an unreadable document removed an object")
	}

	write(t, file, mapping("a", "/a3/"))
	sink.await(t, "the removal", ref("b"), gone)
}

func TestFolderRemovedFileRemovesItsObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), mapping("a", "/a/"))
	write(t, filepath.Join(dir, "b.yaml"), mapping("b", "/b/"))
	sink := follow(t, dir)
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	sink.await(t, "the removal", ref("a"), gone)
	if event, _ := sink.get(ref("b")); !prefixIs("/b/")(event) {
		t.Errorf("the other file was touched: %+v", event)
	}
}

func TestFolderGenerationCountsChangesOfContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "m.yaml")
	write(t, file, mapping("m", "/one/"))
	sink := follow(t, dir)

	write(t, file, strings.Replace(mapping("m", "/one/"), "{name: m}", "{name: m, labels: {a: b}}", 1))
	event := sink.await(t, "the label", ref("m"), func(e watch.Event) bool { return e.Object != nil && e.Object.GetLabels()["a"] == "b" })
	if generation := event.Object.GetGeneration(); generation != 1 {
		t.Errorf("a label made generation %d, want 1", generation)
	}
	before := sink.total()
	write(t, file, "# a comment\n"+strings.Replace(mapping("m", "/two/"), "{name: m}", "{name: m, labels: {a: b}}", 1))
	event = sink.await(t, "the change", ref("m"), prefixIs("/two/"))
	if generation := event.Object.GetGeneration(); generation != 2 {
		t.Errorf("generation = %d, want 2", generation)
	}
	if events := sink.total() - before; events != 1 {
		t.Errorf("one change made %d events", events)
	}
}

func TestFolderThatDoesNotExist(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "nowhere")
	err := newFolder(t, watch.FolderOptions{Dir: dir}).Run(context.Background(), newRecorder())
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error = %v, want one that names the folder", err)
	}
}

func TestFolderLeavesOutWhatIsNotSelected(t *testing.T) {
	t.Parallel()
	labelled := func(name, namespace, label string) string {
		return strings.Replace(mapping(name, "/"), "{name: "+name+"}", fmt.Sprintf("{name: %s, namespace: %s, labels: {team: %s}}", name, namespace, label), 1)
	}
	tests := map[string]struct {
		options watch.FolderOptions
		want    []string
	}{
		"nothing left out": {want: []string{"blue", "foreign", "red", "secret"}},
		"one namespace":    {options: watch.FolderOptions{Namespace: "default"}, want: []string{"blue", "red"}},
		"secrets of one":   {options: watch.FolderOptions{SecretNamespace: "default"}, want: []string{"blue", "foreign", "red"}},
		"labels":           {options: watch.FolderOptions{LabelSelector: "team=blue"}, want: []string{"blue", "foreign"}},
		"fields":           {options: watch.FolderOptions{FieldSelector: "metadata.name!=blue"}, want: []string{"foreign", "red", "secret"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.options.Dir = t.TempDir()
			write(t, filepath.Join(test.options.Dir, "all.yaml"), labelled("blue", "default", "blue")+labelled("red", "default", "red")+
				labelled("foreign", "other", "blue")+"---\napiVersion: v1\nkind: Secret\nmetadata: {name: secret, namespace: other}\n")
			sink := followOptions(t, test.options)
			var got []string
			for ref := range sink.events {
				got = append(got, ref.Name)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("reported %v, want %v", got, test.want)
			}
		})
	}
	if _, err := watch.NewFolder(watch.FolderOptions{LabelSelector: "a=(("}); err == nil || !strings.Contains(err.Error(), "label selector") {
		t.Errorf("error = %v, want one about the label selector", err)
	}
}
