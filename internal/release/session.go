package release

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// recordTimeout bounds reading and writing one record of a release.
const recordTimeout = 30 * time.Second

// fieldManager owns what Helm writes.
const fieldManager = "helm"

func init() {
	// Helm's default is the name of the program, which has our version in it.
	kube.ManagedFieldsManager = fieldManager
}

// session is what one operation works with. Requests for the objects of the
// release end with the operation's context; for Helm's records see
// recordTransport.
type session struct {
	actions *action.Configuration
	kube    *boundClient
	// clients are bound to the operation, records are not. Both are nil in tests
	// without a cluster.
	clients, records kubernetes.Interface
	namespace        string
	log              func(string, ...any)
}

func (c *Client) openSession(ctx context.Context, namespace string) (*session, error) {
	bound := rest.CopyConfig(c.config)
	bound.Wrap(func(next http.RoundTripper) http.RoundTripper { return boundTransport{ctx: ctx, next: next} })
	clients, err := kubernetes.NewForConfig(bound)
	if err != nil {
		return nil, err
	}
	unbound := rest.CopyConfig(c.config)
	unbound.Timeout = recordTimeout
	unbound.Wrap(func(next http.RoundTripper) http.RoundTripper { return recordTransport{ctx: ctx, next: next} })
	records, err := kubernetes.NewForConfig(unbound)
	if err != nil {
		return nil, err
	}
	connection := newConnection(bound, namespace, clients.Discovery())
	client := kube.New(connection)
	client.Log, client.Namespace = c.log, namespace
	s := &session{
		kube:      &boundClient{Client: client, ctx: ctx, clients: clients, unbound: records},
		clients:   clients,
		records:   records,
		namespace: namespace,
		log:       c.log,
	}
	secrets := driver.NewSecrets(records.CoreV1().Secrets(namespace))
	secrets.Log = c.log
	s.actions = &action.Configuration{
		RESTClientGetter: connection,
		Releases:         storage.Init(recordsDriver{Driver: secrets, kube: s.kube}),
		KubeClient:       s.kube,
		Log:              c.log,
		HookOutputFunc:   func(_, _, _ string) io.Writer { return io.Discard },
	}
	s.actions.Releases.Log = c.log
	return s, nil
}

// recordsDriver keeps the records of a release that is not gone yet: Helm would
// forget it even when its objects could not be deleted.
type recordsDriver struct {
	driver.Driver
	kube *boundClient
}

func (d recordsDriver) Delete(key string) (*helmrelease.Release, error) {
	if d.kube.deleteFailure != nil {
		return nil, d.kube.deleteFailure
	}
	return d.Driver.Delete(key)
}

// connection hands a connection to the libraries under Helm, which would otherwise
// look for a kubeconfig themselves.
type connection struct {
	config    *rest.Config
	namespace string
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.RESTMapper
}

func newConnection(config *rest.Config, namespace string, client discovery.DiscoveryInterface) *connection {
	cached := memory.NewMemCacheClient(client)
	return &connection{config: config, namespace: namespace, discovery: cached, mapper: restmapper.NewDeferredDiscoveryRESTMapper(cached)}
}

func (c *connection) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(c.config), nil }

func (c *connection) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return c.discovery, nil
}

func (c *connection) ToRESTMapper() (meta.RESTMapper, error) { return c.mapper, nil }

func (c *connection) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: c.namespace}}
	return clientcmd.NewDefaultClientConfig(clientcmdapi.Config{}, overrides)
}

// boundTransport ends each request when the context of the operation does: Helm
// 3 passes no context to its requests.
type boundTransport struct {
	ctx  context.Context
	next http.RoundTripper
}

func (t boundTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := context.Cause(t.ctx); err != nil {
		return nil, fmt.Errorf("%s %s: %w", request.Method, request.URL.Path, err)
	}
	return roundTripWithin(t.ctx, t.next, request)
}

// recordTransport serves Helm's records. Reading them ends with the context of
// the operation, but writing them does not, nor does what begins after the end:
// an operation that was cut off must still say so in its record.
type recordTransport struct {
	ctx  context.Context
	next http.RoundTripper
}

func (t recordTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet || t.ctx.Err() != nil {
		return t.next.RoundTrip(request)
	}
	return roundTripWithin(t.ctx, t.next, request)
}

// roundTripWithin ends the request, and the reading of its answer, when the
// context ends.
func roundTripWithin(ctx context.Context, next http.RoundTripper, request *http.Request) (*http.Response, error) {
	within, cancel := context.WithCancelCause(request.Context())
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	response, err := next.RoundTrip(request.WithContext(within))
	if err != nil {
		stop()
		cancel(nil)
		return nil, err
	}
	response.Body = &boundBody{ReadCloser: response.Body, done: func() { stop(); cancel(nil) }}
	return response, nil
}

// boundBody keeps the context of a request until its answer is read.
type boundBody struct {
	io.ReadCloser
	done func()
}

func (b *boundBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
