package scenario

import (
	"context"
	"fmt"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// podPort is the port of every pod; replicas is how many pods a deployment has.
const (
	podPort  = 9200
	replicas = 3
)

// Rolled replaces the pods behind a Mapping one by one.
func Rolled(ctx context.Context, s *Station, changes int) (report.Answers, error) {
	return (&deployment{Station: s, name: "rolled", network: "10.244"}).roll(ctx, "endpoints rolled one by one", 1, changes)
}

// Replaced replaces all the pods behind a Mapping at once.
func Replaced(ctx context.Context, s *Station, changes int) (report.Answers, error) {
	return (&deployment{Station: s, name: "replaced", network: "10.245"}).roll(ctx, "endpoints replaced all at once", replicas, changes)
}

// deployment is a Service whose pods a Mapping reaches directly, by the endpoint resolver.
type deployment struct {
	*Station
	name    string
	network string // the first half of its pods' addresses
	started int    // pods ever
	pods    []*pod
}

// pod is one endpoint of a Service, with its backend.
type pod struct {
	address string
	backend *load.Backend
	// terminating is set once the pod is to end: it still serves, until its backend leaves.
	terminating bool
}

// roll replaces the oldest pods as Kubernetes does: new ones become ready, old ones terminate, still serve for a grace,
// and are gone.
func (d *deployment) roll(ctx context.Context, what string, batch, changes int) (report.Answers, error) {
	request := load.Request{Host: d.Shape.Request(0).Host, Path: "/" + d.name + "/"}
	defer func() {
		for _, pod := range d.pods {
			pod.backend.Close()
		}
	}()
	if err := d.deploy(ctx, request); err != nil {
		return report.Answers{}, err
	}
	crowd := visitors(ctx, d.Controller.Address, nil, request)
	return during(what, changes, crowd, func(int) error {
		if err := d.scaleUp(batch); err != nil {
			return err
		}
		old := d.pods[:batch]
		ending := map[string]bool{}
		for _, pod := range old {
			pod.terminating = true
			ending[pod.address] = true
		}
		if err := d.publish(ctx); err != nil {
			return err
		}
		if err := answered(ctx, crowd, "by new pods only", func(a load.Answer) bool { return !ending[a.Backend] }); err != nil {
			return err
		}
		if err := leaveAfterGrace(ctx, backends(old)...); err != nil {
			return err
		}
		d.pods = d.pods[batch:]
		return d.publish(ctx)
	})
}

// deploy creates the Service, its first pods and a Mapping, and returns when that is served.
func (d *deployment) deploy(ctx context.Context, request load.Request) error {
	if err := d.scaleUp(replicas); err != nil {
		return err
	}
	port, protocol := int32(podPort), "http"
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: testbed.Namespace, Name: d.name, Labels: map[string]string{discoveryv1.LabelServiceName: d.name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &protocol, Port: &port}},
		Endpoints:   d.endpoints(),
	}
	mapping := testbed.Mapping(d.name, v3alpha1.MappingSpec{
		Hostname: request.Host, Prefix: request.Path, Resolver: "kubernetes-endpoint",
		Service: fmt.Sprintf("%s:%d", d.name, podPort),
	})
	if err := d.Plane.Create(ctx, testbed.Service(d.name, "", podPort), slice, mapping); err != nil {
		return err
	}
	return serves(ctx, d.Controller, request)
}

// scaleUp starts pods. Nobody knows of them until publish.
func (d *deployment) scaleUp(n int) error {
	for range n {
		address := fmt.Sprintf("%s.%d.%d", d.network, d.started/250, 1+d.started%250)
		backend, err := load.StartBackend(address, fmt.Sprintf("%s:%d", address, podPort))
		if err != nil {
			return err
		}
		d.pods = append(d.pods, &pod{address: address, backend: backend})
		d.started++
	}
	return nil
}

// publish writes the EndpointSlice.
func (d *deployment) publish(ctx context.Context) error {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: testbed.Namespace, Name: d.name}}
	return testbed.Update(ctx, d.Plane, slice, func(slice *discoveryv1.EndpointSlice) { slice.Endpoints = d.endpoints() })
}

func (d *deployment) endpoints() []discoveryv1.Endpoint {
	var endpoints []discoveryv1.Endpoint
	for _, pod := range d.pods {
		ready, serving, terminating := !pod.terminating, true, pod.terminating
		endpoints = append(endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pod.address},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		})
	}
	return endpoints
}

func backends(pods []*pod) []*load.Backend {
	var all []*load.Backend
	for _, pod := range pods {
		all = append(all, pod.backend)
	}
	return all
}
