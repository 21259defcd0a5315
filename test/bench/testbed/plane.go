package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/cluster"
)

const (
	// writers create objects side by side: enough to keep two cores of an API server busy.
	writers = 32
	// startTimeout bounds what takes a moment on an idle machine.
	startTimeout = time.Minute
)

// Plane is a control plane with the product's definitions installed. It holds Mappings of one shape.
type Plane struct {
	// Objects reads, writes and watches.
	Objects client.WithWatch
	// Kubeconfig is the path of a kubeconfig file of an administrator.
	Kubeconfig string

	shape   Shape
	count   int // Mappings of the shape that exist, surroundings of them that exist
	ready   int
	cluster *cluster.Cluster
	kube    *kubernetes.Clientset
}

// StartPlane starts a control plane whose Listener will have the given port. The caller stops it.
func StartPlane(ctx context.Context, dir string, shape Shape, port int) (*Plane, error) {
	log, err := os.Create(filepath.Join(dir, "plane.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	started, err := cluster.Start(ctx, cluster.Options{Log: log})
	if err != nil {
		return nil, err
	}
	p := &Plane{Kubeconfig: started.Kubeconfig, shape: shape, cluster: started}
	if err := p.furnish(ctx, port); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Stop ends the control plane.
func (p *Plane) Stop() error { return p.cluster.Stop() }

func (p *Plane) furnish(ctx context.Context, port int) (err error) {
	config := rest.CopyConfig(p.cluster.Config)
	config.QPS = -1 // no limit of the client's own
	if p.kube, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v3alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	if p.Objects, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	services := &networkingv1.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: "bench"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{serviceRange}},
	}
	if err := p.Objects.Create(ctx, services); err != nil {
		return fmt.Errorf("add a range of Services: %w", err)
	}
	for _, definition := range crds.Definitions() {
		if err := p.Objects.Create(ctx, definition.DeepCopy()); err != nil {
			return fmt.Errorf("install %s: %w", definition.Name, err)
		}
	}
	for _, object := range p.shape.Base(port) {
		// A new definition takes a moment to be served.
		if err := Await(ctx, "the API server to take the first objects", startTimeout, func(ctx context.Context) error {
			return client.IgnoreAlreadyExists(p.Objects.Create(ctx, object))
		}); err != nil {
			return err
		}
	}
	// So does a new range of Services.
	return Await(ctx, "the range of Services", startTimeout, func(ctx context.Context) error {
		return client.IgnoreAlreadyExists(p.Objects.Create(ctx, Service("first", clusterIP(-1), BackendPort)))
	})
}

// Grow adds Mappings of the plane's shape until there are n, and the surroundings of more on top.
func (p *Plane) Grow(ctx context.Context, n, more int) error {
	var objects []client.Object
	for ; p.ready < n+more; p.ready++ {
		objects = append(objects, p.shape.Surroundings(p.ready)...)
	}
	for ; p.count < n; p.count++ {
		objects = append(objects, p.shape.Mapping(p.count))
	}
	return p.Create(ctx, objects...)
}

// Next returns the number of the next Mapping and counts it as there.
func (p *Plane) Next() int {
	p.count++
	return p.count - 1
}

// Create creates objects, many at a time.
func (p *Plane) Create(ctx context.Context, objects ...client.Object) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan client.Object)
	var running sync.WaitGroup
	for range min(writers, len(objects)) {
		running.Go(func() {
			for object := range work {
				if err := p.Objects.Create(ctx, object); err != nil {
					cancel(fmt.Errorf("create %s: %w", object.GetName(), err))
				}
			}
		})
	}
	for _, object := range objects {
		select {
		case work <- object:
		case <-ctx.Done():
		}
	}
	close(work)
	running.Wait()
	return context.Cause(ctx)
}

// Update changes an object as it is in the API server now.
func Update[T client.Object](ctx context.Context, p *Plane, object T, change func(T)) error {
	for {
		if err := p.Objects.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		change(object)
		if err := p.Objects.Update(ctx, object); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// ClusterIP returns "address:port" of a Service that exists.
func (p *Plane) ClusterIP(ctx context.Context, name string) (string, error) {
	service := Service(name, "", 0)
	if err := p.Objects.Get(ctx, client.ObjectKeyFromObject(service), service); err != nil {
		return "", err
	}
	return net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(service.Spec.Ports[0].Port)), nil
}

// Metrics returns the API server's own metrics.
func (p *Plane) Metrics(ctx context.Context) (Metrics, error) {
	text, err := p.kube.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("the API server's metrics: %w", err)
	}
	return parseMetrics(text), nil
}

// Version is the version of Kubernetes.
func (p *Plane) Version() (string, error) {
	version, err := p.kube.Discovery().ServerVersion()
	if err != nil {
		return "", err
	}
	return version.GitVersion, nil
}
