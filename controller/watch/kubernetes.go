package watch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"terraform-provider-emissary/controller/store"
)

// KubernetesOptions say what to follow in a cluster.
type KubernetesOptions struct {
	// Config is how to reach the API server. Its client-side rate limit is lifted: the server's own fairness is the
	// better judge, and 5 requests a second would make the start of a controller slow.
	Config *rest.Config
	// Namespace limits everything to one namespace (AMBASSADOR_SINGLE_NAMESPACE). Empty: all namespaces.
	Namespace string
	// SecretNamespace limits Secrets alone (AMBASSADOR_CERTS_SINGLE_NAMESPACE). Empty: as Namespace.
	SecretNamespace string
	// LabelSelector and FieldSelector apply to every watch (AMBASSADOR_LABEL_SELECTOR, AMBASSADOR_FIELD_SELECTOR).
	LabelSelector, FieldSelector string
	// Log takes what happens to the watches.
	Log *slog.Logger
}

// Kubernetes is a source that follows the objects of a cluster.
//
// Each kind is followed on its own. A kind whose definition is not installed counts as having no objects, so that the
// controller starts without it, and is picked up soon after its definition appears. A kind that may not be read holds
// the start back, because serving without, say, the Secrets would be serving something else; the log says which
// permission is missing.
type Kubernetes struct {
	options KubernetesOptions
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	served  *servedKinds
	kinds   []*kindWatch
}

// NewKubernetes returns a source for a cluster. It does not contact it.
func NewKubernetes(options KubernetesOptions) (*Kubernetes, error) {
	config := rest.CopyConfig(options.Config)
	config.QPS = -1
	binary := rest.CopyConfig(config)
	binary.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON // Kubernetes' own kinds have it
	binary.ContentType = runtime.ContentTypeProtobuf
	typed, err := kubernetes.NewForConfig(binary)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", config.Host, err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", config.Host, err)
	}
	groups, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", config.Host, err)
	}
	k := &Kubernetes{
		options: options,
		typed:   typed,
		dynamic: untyped,
		served:  newServedKinds(groups, options.Log),
	}
	for _, kind := range watchedKinds() {
		if kind.clusterScoped && options.Namespace != "" {
			continue
		}
		k.kinds = append(k.kinds, newKindWatch(k, kind))
	}
	return k, nil
}

// Run implements Source. It returns when the context ends.
func (k *Kubernetes) Run(ctx context.Context, sink Sink) error {
	var all, initial sync.WaitGroup
	initial.Add(len(k.kinds))
	all.Go(func() { k.served.run(ctx) })
	for _, kind := range k.kinds {
		all.Go(func() { kind.run(ctx, sink, sync.OnceFunc(initial.Done)) })
	}
	synced := make(chan struct{})
	go func() {
		initial.Wait()
		close(synced)
	}()
	select {
	case <-synced:
		sink.Synced()
	case <-ctx.Done():
	}
	all.Wait()
	return nil
}

// Get returns what this source has last seen of a getambassador.io object; nil when it does not know it.
func (k *Kubernetes) Get(ref store.Ref) *Seen {
	for _, kind := range k.kinds {
		if kind.kind.name == ref.Kind {
			return kind.get(ref)
		}
	}
	return nil
}
