package kube

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Group is the API group of the product's kinds.
const Group = "getambassador.io"

// APIGroupVersion is that of the product's kinds.
var APIGroupVersion = schema.GroupVersion{Group: Group, Version: "v3alpha1"}

// Type is a kind of object together with its place in the API. It is given, not
// discovered: the embedded CRDs know it, and a discovery cache would have to be
// reset each time a CRD appears during an apply.
type Type struct {
	schema.GroupVersionResource
	// Kind is the name in manifests, such as "Mapping".
	Kind string
	// ClusterScoped objects have no namespace.
	ClusterScoped bool
}

// Ref names one object of a Type.
type Ref struct {
	Type
	// Namespace is empty for cluster-scoped objects.
	Namespace, Name string
}

// String is how messages name the object: "Mapping default/quote".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Client talks to one API server. It is safe for concurrent use.
type Client struct {
	config       *rest.Config
	dynamic      dynamic.Interface
	discovery    discovery.DiscoveryInterface
	fieldManager string
	tokenFile    string // that has the bearer token; empty where none does

	outage      outage  // of the server
	unserved    outages // of types whose CRD is there
	controllers controllerCache
	listings    listings
	types       typeCache
}

// New prepares a client. It reads configuration files but opens no connection;
// its error is ErrNotConfigured, or says which setting is wrong.
func New(o Options) (*Client, error) {
	config, err := o.RESTConfig()
	if err != nil {
		return nil, err
	}
	return NewForConfig(config, o.FieldManager)
}

// NewForConfig is New with a resolved configuration, which it changes, and the name
// under which it applies. Its error says that the configuration is not usable.
func NewForConfig(config *rest.Config, fieldManager string) (*Client, error) {
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return noLateAttempts{rt} })
	tokenFile := watchTokenFile(config)
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("the Kubernetes connection settings are not usable: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("the Kubernetes connection settings are not usable: %w", err)
	}
	return &Client{config: config, dynamic: dyn, discovery: disco, fieldManager: fieldManager, tokenFile: tokenFile}, nil
}

// RESTConfig returns a copy of the connection for libraries that bring their
// own client, such as Helm.
func (c *Client) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Server is the URL of the API server, for messages.
func (c *Client) Server() string { return c.config.Host }

// FieldManager owns what the client writes with server-side apply.
func (c *Client) FieldManager() string { return c.fieldManager }

func (c *Client) resource(ref Ref) dynamic.ResourceInterface {
	if ref.ClusterScoped {
		return c.dynamic.Resource(ref.GroupVersionResource)
	}
	return c.dynamic.Resource(ref.GroupVersionResource).Namespace(ref.Namespace)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
