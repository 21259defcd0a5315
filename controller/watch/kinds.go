package watch

import (
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
)

// watchedKind is one kind to follow in a cluster.
type watchedKind struct {
	name     string // as in a manifest
	resource schema.GroupVersionResource
	// clusterScoped kinds are left out where only one namespace is followed: a Role cannot grant them.
	clusterScoped bool
	// custom kinds come and go with their definitions and are read untyped, so that one object with a value of the
	// wrong type does not hide all others.
	custom bool
	// getter reads a kind of Kubernetes' own.
	getter func(kubernetes.Interface) cache.Getter
	// example is an empty object of the type the API client returns.
	example runtime.Object
	// labels and fields narrow what the server sends.
	labels, fields string
}

// unusedSecretTypes are Secrets that hold no certificate and that clusters have many of, or large ones.
var unusedSecretTypes = []corev1.SecretType{
	"helm.sh/release.v1",
	corev1.SecretTypeServiceAccountToken,
	corev1.SecretTypeDockercfg,
	corev1.SecretTypeDockerConfigJson,
	corev1.SecretTypeBootstrapToken,
	corev1.SecretTypeSSHAuth,
	corev1.SecretTypeBasicAuth,
}

func watchedKinds() []watchedKind {
	kinds := []watchedKind{
		{
			name:     "Service",
			resource: corev1.SchemeGroupVersion.WithResource("services"),
			getter:   func(c kubernetes.Interface) cache.Getter { return c.CoreV1().RESTClient() },
			example:  &corev1.Service{},
		},
		{
			name:     "Secret",
			resource: corev1.SchemeGroupVersion.WithResource("secrets"),
			getter:   func(c kubernetes.Interface) cache.Getter { return c.CoreV1().RESTClient() },
			example:  &corev1.Secret{},
			fields:   excludedSecrets(),
		},
		{
			name:     "EndpointSlice",
			resource: discoveryv1.SchemeGroupVersion.WithResource("endpointslices"),
			getter:   func(c kubernetes.Interface) cache.Getter { return c.DiscoveryV1().RESTClient() },
			example:  &discoveryv1.EndpointSlice{},
			labels:   discoveryv1.LabelServiceName,
		},
		{
			name:     "Ingress",
			resource: networkingv1.SchemeGroupVersion.WithResource("ingresses"),
			getter:   func(c kubernetes.Interface) cache.Getter { return c.NetworkingV1().RESTClient() },
			example:  &networkingv1.Ingress{},
		},
		{
			name:          "IngressClass",
			resource:      networkingv1.SchemeGroupVersion.WithResource("ingressclasses"),
			clusterScoped: true,
			getter:        func(c kubernetes.Interface) cache.Getter { return c.NetworkingV1().RESTClient() },
			example:       &networkingv1.IngressClass{},
		},
	}
	for _, kind := range crds.Kinds() {
		kinds = append(kinds, watchedKind{
			name:     kind.Kind,
			resource: v3alpha1.GroupVersion.WithResource(kind.Plural),
			custom:   true,
			example:  &unstructured.Unstructured{},
		})
	}
	return kinds
}

func excludedSecrets() string {
	terms := make([]string, len(unusedSecretTypes))
	for i, kind := range unusedSecretTypes {
		terms[i] = "type!=" + string(kind)
	}
	return strings.Join(terms, ",")
}

// unusable stands for an object whose content does not fit its type.
type unusable struct {
	metav1.ObjectMeta
	ids v3alpha1.AmbassadorID
	err error
}

// typesOfCustomKinds knows the Go type of each getambassador.io kind.
var typesOfCustomKinds = sync.OnceValue(func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	if err := v3alpha1.AddToScheme(scheme); err != nil {
		panic(err) // a programming error, found by any test
	}
	return scheme
})

// transform makes of what the API client returns what is kept: the typed object, without what nobody reads. It leaves an
// object that it has made as it is.
func (k watchedKind) transform(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return typed(u), nil
	}
	if secret, ok := object.(*corev1.Secret); ok && !holdsCertificates(secret.Type) {
		secret.Data = nil
	}
	if o, ok := object.(metav1.Object); ok {
		store.Trim(o)
	}
	return object, nil
}

func typed(u *unstructured.Unstructured) metav1.Object {
	meta := metav1.ObjectMeta{
		Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(),
		Generation: u.GetGeneration(), ResourceVersion: u.GetResourceVersion(),
	}
	object, err := typesOfCustomKinds().New(u.GroupVersionKind())
	if err == nil {
		err = manifest.Convert(u, object)
	}
	typed, ok := object.(v3alpha1.Object)
	if err != nil || !ok {
		return &unusable{ObjectMeta: meta, ids: manifest.AmbassadorID(u), err: err}
	}
	store.Trim(typed)
	return typed
}

func holdsCertificates(kind corev1.SecretType) bool {
	return kind == corev1.SecretTypeOpaque || kind == corev1.SecretTypeTLS || kind == "istio.io/key-and-cert" || kind == ""
}
