package watch_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/cluster"
)

var mappings = v3alpha1.GroupVersion.WithResource("mappings")

// lines is a log that tests can read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// followCluster starts a source; the caller waits for what it expects.
func followCluster(t *testing.T, options watch.KubernetesOptions) (*watch.Kubernetes, *recorder, *lines) {
	t.Helper()
	log := &lines{}
	options.Log = slog.New(slog.NewTextHandler(log, nil))
	source, err := watch.NewKubernetes(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sink := newRecorder()
	ended := make(chan error, 1)
	go func() { ended <- source.Run(ctx, sink) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the source ended with %v", err)
		}
	})
	return source, sink, log
}

func awaitSynced(t *testing.T, sink *recorder) {
	t.Helper()
	select {
	case <-sink.synced:
	case <-time.After(30 * time.Second):
		t.Fatal("the source did not report the initial set as complete")
	}
}

// TestKubernetes runs its parts in order against one API server: the first of them needs one without definitions.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	config := cluster.ForTest(t, cluster.Options{})
	typed := kubernetes.NewForConfigOrDie(config.Config)
	untyped := dynamic.NewForConfigOrDie(config.Config)

	t.Run("definitions appear and vanish", func(t *testing.T) { testDefinitionsComeAndGo(t, config.Config, untyped) })
	install(t, config.Config, crds.Definitions())
	t.Run("namespaces", func(t *testing.T) { testSingleNamespace(t, config.Config, typed, untyped) })
	t.Run("secrets", func(t *testing.T) { testSecrets(t, config.Config, typed) })
	t.Run("ingresses", func(t *testing.T) { testIngresses(t, config.Config, typed) })
	t.Run("forbidden", func(t *testing.T) { testForbidden(t, config) })
	t.Run("an object of the wrong type", func(t *testing.T) { testWrongType(t, config.Config, untyped) })
}

func testDefinitionsComeAndGo(t *testing.T, config *rest.Config, untyped dynamic.Interface) {
	_, sink, _ := followCluster(t, watch.KubernetesOptions{Config: config})
	awaitSynced(t, sink) // without any definition

	install(t, config, crds.Definitions())
	create(t, untyped, "default", "early", "/early/")
	sink.await(t, "the object", ref("early"), prefixIs("/early/"))

	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	if err := client.Delete(t.Context(), "mappings.getambassador.io", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	sink.await(t, "its removal with the definition", ref("early"), gone)

	awaitNo(t, config, "mappings.getambassador.io")
	install(t, config, crds.Definitions())
	create(t, untyped, "default", "late", "/late/")
	sink.await(t, "an object of the definition made anew", ref("late"), prefixIs("/late/"))
}

func testSingleNamespace(t *testing.T, config *rest.Config, typed kubernetes.Interface, untyped dynamic.Interface) {
	namespace(t, typed, "mine")
	create(t, untyped, "mine", "inside", "/inside/")
	create(t, untyped, "default", "outside", "/outside/")
	source, sink, _ := followCluster(t, watch.KubernetesOptions{Config: config, Namespace: "mine"})
	awaitSynced(t, sink)
	inside := store.Ref{Kind: "Mapping", Namespace: "mine", Name: "inside"}
	event, ok := sink.get(inside)
	if !ok || !prefixIs("/inside/")(event) {
		t.Errorf("the object of the namespace was not reported before Synced: %+v", event)
	}
	if event.Object.GetManagedFields() != nil {
		t.Error("managedFields were kept")
	}
	if source.Get(inside) == nil {
		t.Error("Get does not know an object that was reported")
	}
	if _, ok := sink.get(ref("outside")); ok {
		t.Error("an object of another namespace was reported")
	}
}

func testSecrets(t *testing.T, config *rest.Config, typed kubernetes.Interface) {
	namespace(t, typed, "secrets")
	for name, secret := range map[string]corev1.Secret{
		"tls":    {Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": []byte("c"), "tls.key": []byte("k")}},
		"opaque": {Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"tls.crt": []byte("c"), "password": []byte("p")}},
		"other":  {Type: "example.com/thing", Data: map[string][]byte{"tls.crt": []byte("c")}},
		"helm":   {Type: "helm.sh/release.v1", Data: map[string][]byte{"release": []byte("large")}},
	} {
		secret.Name = name
		if _, err := typed.CoreV1().Secrets("secrets").Create(t.Context(), &secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, sink, _ := followCluster(t, watch.KubernetesOptions{Config: config, SecretNamespace: "secrets"})
	awaitSynced(t, sink)
	for name, wantKeys := range map[string][]string{"tls": {"tls.crt", "tls.key"}, "opaque": {"tls.crt"}, "other": nil} {
		event, ok := sink.get(store.Ref{Kind: "Secret", Namespace: "secrets", Name: name})
		if !ok {
			t.Errorf("Secret %s was not reported", name)
			continue
		}
		var keys []string
		for key := range event.Object.(*corev1.Secret).Data {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		if !slices.Equal(keys, wantKeys) {
			t.Errorf("Secret %s is kept with keys %v, want %v", name, keys, wantKeys)
		}
	}
	if _, ok := sink.get(store.Ref{Kind: "Secret", Namespace: "secrets", Name: "helm"}); ok {
		t.Error("a Helm release was read")
	}
}

// An IngressClass belongs to the cluster: who follows one namespace may not read it, and does not wait for it.
func testIngresses(t *testing.T, config *rest.Config, typed kubernetes.Interface) {
	namespace(t, typed, "ingresses")
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "edge"}, Spec: networkingv1.IngressClassSpec{Controller: "getambassador.io/ingress-controller"}}
	if _, err := typed.NetworkingV1().IngressClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	backend := &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "s", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Spec: networkingv1.IngressSpec{IngressClassName: &class.Name, DefaultBackend: backend}}
	if _, err := typed.NetworkingV1().Ingresses("ingresses").Create(t.Context(), ingress, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for following, wantClass := range map[string]bool{"": true, "ingresses": false} {
		_, sink, _ := followCluster(t, watch.KubernetesOptions{Config: config, Namespace: following})
		awaitSynced(t, sink)
		if _, ok := sink.get(store.Ref{Kind: "Ingress", Namespace: "ingresses", Name: "shop"}); !ok {
			t.Errorf("namespace %q: the Ingress was not reported before Synced", following)
		}
		if _, ok := sink.get(store.Ref{Kind: "IngressClass", Name: "edge"}); ok != wantClass {
			t.Errorf("namespace %q: the IngressClass was reported: %v, want %v", following, ok, wantClass)
		}
	}
}

func testForbidden(t *testing.T, c *cluster.Cluster) {
	kubeconfig, err := c.User("nobody")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	_, sink, log := followCluster(t, watch.KubernetesOptions{Config: config})
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(log.String(), "grant this service account the verbs get, list and watch on secrets in all namespaces") {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say which permission is missing:\n%s", log)
		}
		time.Sleep(20 * time.Millisecond) // the log gives no signal
	}
	select {
	case <-sink.synced:
		t.Error("a source that may read nothing reported its initial set as complete")
	default:
	}
}

func testWrongType(t *testing.T, config *rest.Config, untyped dynamic.Interface) {
	// Definitions of other versions may be looser than the types are.
	loose := loosened(t, "mappings.getambassador.io")
	update(t, config, loose)
	create(t, untyped, "default", "good", "/good/")
	bad := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
		"metadata": map[string]any{"name": "bad", "namespace": "default"},
		"spec":     map[string]any{"prefix": int64(5), "service": "s", "ambassador_id": []any{"a"}},
	}}
	eventually(t, "the looser definition", func() error {
		_, err := untyped.Resource(mappings).Namespace("default").Create(t.Context(), bad, metav1.CreateOptions{})
		return err
	})
	_, sink, _ := followCluster(t, watch.KubernetesOptions{Config: config})
	awaitSynced(t, sink)
	event, _ := sink.get(ref("bad"))
	if !rejected(event) || !strings.Contains(event.Rejected.Message, "prefix") || event.Rejected.Generation != 1 || !event.Rejected.AmbassadorID.IsMember("a") {
		t.Errorf("want a rejection that names the field, got %+v %+v", event, event.Rejected)
	}
	if event, _ := sink.get(ref("good")); !prefixIs("/good/")(event) {
		t.Errorf("the object beside it was harmed: %+v", event)
	}
}

func loosened(t *testing.T, name string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	for _, definition := range crds.Definitions() {
		if definition.Name == name {
			definition = definition.DeepCopy()
			preserve := true
			definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"] = apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve}
			return definition
		}
	}
	t.Fatalf("no definition %s", name)
	return nil
}

func install(t *testing.T, config *rest.Config, definitions []*apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	for _, definition := range definitions {
		if _, err := client.Get(t.Context(), definition.Name, metav1.GetOptions{}); err == nil {
			continue
		}
		if _, err := client.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func update(t *testing.T, config *rest.Config, definition *apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	current, err := client.Get(t.Context(), definition.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	current.Spec.Versions = definition.Spec.Versions
	if _, err := client.Update(t.Context(), current, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func awaitNo(t *testing.T, config *rest.Config, definition string) {
	t.Helper()
	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	eventually(t, "the definition's removal", func() error {
		if _, err := client.Get(t.Context(), definition, metav1.GetOptions{}); err == nil {
			return context.DeadlineExceeded
		}
		return nil
	})
}

// create makes a Mapping, as soon as the API server serves that kind.
func create(t *testing.T, untyped dynamic.Interface, namespace, name, prefix string) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     map[string]any{"hostname": "*", "prefix": prefix, "service": "s"},
	}}
	eventually(t, "creating "+name, func() error {
		_, err := untyped.Resource(mappings).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{})
		return err
	})
}

func namespace(t *testing.T, typed kubernetes.Interface, name string) {
	t.Helper()
	if _, err := typed.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// eventually tries until it works: the API server takes a moment to serve a new definition.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
