package migration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
	"terraform-provider-emissary/test/workspace"
)

func TestMain(m *testing.M) {
	workspace.Serve()
	os.Exit(m.Run())
}

// The providers that a user may have today.
var (
	helm          = peer{"helm", "hashicorp/helm", "terraform-provider-helm", "kubernetes = {\n    config_path = %q\n  }"}
	kubernetes    = peer{"kubernetes", "hashicorp/kubernetes", "terraform-provider-kubernetes", "config_path = %q"}
	kubectl       = peer{"kubectl", "gavinbunney/kubectl", "terraform-provider-kubectl", "config_path = %q"}
	alekc         = peer{"kubectl", "alekc/kubectl", "terraform-provider-kubectl-alekc", "config_path = %q"}
	kustomization = peer{"kustomization", "kbst/kustomization", "terraform-provider-kustomization", "kubeconfig_path = %q"}
)

// peer is a provider, and how it is told of a kubeconfig.
type peer struct{ name, source, program, kubeconfig string }

var (
	mappings    = schema.GroupVersionResource{Group: "getambassador.io", Version: "v3alpha1", Resource: "mappings"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	crds        = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// ourCRDs are there before the objects of other providers.
const ourCRDs = "resource \"emissary_crds\" \"this\" {}\n"

// world is a cluster of a test's own, whose pods become ready, and a workspace with
// peers.
type world struct {
	*testing.T
	*cluster.Cluster
	*workspace.Workspace
	dynamic   dynamic.Interface
	providers string
}

// each runs a test with each engine.
func each(t *testing.T, peers []peer, test func(*world)) {
	t.Parallel()
	for _, engine := range deps.Engines(t) {
		t.Run(filepath.Base(engine), func(t *testing.T) {
			t.Parallel()
			var programs []workspace.Peer
			for _, p := range peers {
				programs = append(programs, workspace.Peer{Name: p.name, Source: p.source, Path: deps.Peer(t, p.program)})
			}
			c := cluster.ForTest(t, cluster.Options{Workloads: true})
			w := &world{T: t, Cluster: c, dynamic: dynamic.NewForConfigOrDie(c.Config)}
			for _, p := range append(peers, peer{name: "emissary", kubeconfig: "config_path = %q"}) {
				w.providers += fmt.Sprintf("provider %q {\n  "+p.kubeconfig+"\n}\n", p.name, c.Kubeconfig)
			}
			w.Workspace = workspace.On(t, engine, "", programs...)
			test(w)
		})
	}
}

// config makes this the configuration.
func (w *world) config(blocks ...string) {
	w.Helper()
	w.Write(w.providers + strings.Join(blocks, "\n"))
}

// apply applies the configuration, which then has nothing to change.
func (w *world) apply(blocks ...string) {
	w.Helper()
	w.config(blocks...)
	w.Must("apply", "-auto-approve")
	w.NoChanges()
}

// takesOver plans and applies blocks that take things over, which must do just
// these things, to be followed by a plan without changes. A change is its actions,
// with "moved" and "imported"; what is forgotten is left out, as an engine may see
// before that it is gone.
func (w *world) takesOver(want map[string]string, blocks ...string) {
	w.Helper()
	w.config(blocks...)
	got := map[string]string{}
	for address, change := range w.Plan() {
		if slices.Equal(change.Actions, []string{"forget"}) {
			continue
		}
		said := strings.Join(change.Actions, " ")
		if change.MovedFrom != "" {
			said += " moved"
		}
		if change.Imported != "" {
			said += " imported"
		}
		got[address] = said
	}
	if !maps.Equal(got, want) {
		w.Fatalf("the plan does %q, want %q", got, want)
	}
	w.Must("apply", "plan")
	w.NoChanges()
}

// get reads an object.
func (w *world) get(resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	w.Helper()
	object, err := w.dynamic.Resource(resource).Namespace(namespace).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return object
}

// same checks that objects are the ones they were, each by its uid.
func (w *world) same(what string, before ...*unstructured.Unstructured) {
	w.Helper()
	plural := map[string]schema.GroupVersionResource{
		"Mapping": mappings, "Deployment": deployments, "Service": services, "CustomResourceDefinition": crds,
	}
	for _, object := range before {
		now := w.get(plural[object.GetKind()], object.GetNamespace(), object.GetName())
		if now.GetUID() != object.GetUID() {
			w.Errorf("%s made %s %s anew", what, object.GetKind(), object.GetName())
		}
	}
}

// block is configuration in a guide.
var block = regexp.MustCompile("(?s)```terraform\n(.*?)```")

// guide returns the blocks of configuration below a heading of a guide; those
// before the first one for no heading.
func guide(t *testing.T, name, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deps.Root(), "templates", "guides", name+".md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	section := string(text)
	if heading != "" {
		var found bool
		if _, section, found = strings.Cut(section, "\n## "+heading+"\n"); !found {
			t.Fatalf("the guide %s has no part %q", name, heading)
		}
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, match := range block.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}
