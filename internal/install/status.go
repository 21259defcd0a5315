package install

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/internal/kube"
)

// Status is what an install reports.
type Status struct {
	// Addresses are the IP addresses and hostnames at which its load balancers
	// are reached, sorted; none yet where they are still being made.
	Addresses []string
	// Hosts are the Hosts that it serves or should serve, by namespace/name.
	Hosts map[string]Host
	// Objects counts its objects by kind.
	Objects map[string]Count
	// Refused are its objects that are not served, with the reason.
	Refused []Refusal
}

// Host is one Host with the certificate that it presents.
type Host struct {
	// Hostname is what it says, "*" included.
	Hostname string
	// Served is whether Envoy has it as it is now; Why is the controller's reason
	// where it has not, or that nothing was reported.
	Served bool
	Why    string
	// Certificate is nil for a Host without TLS of its own.
	Certificate *Certificate
}

// Count counts the objects of a kind: those that are served as they are now,
// those that are refused, and those about which nothing was reported yet.
type Count struct{ Total, Served, Refused, Pending int64 }

// Refusal is an object that is not served.
type Refusal struct {
	// Kind and Name name the object: "Mapping", "shop/cart".
	Kind, Name string
	// Why is the controller's reason and message.
	Why string
}

// Look reads what an install reports. The objects are those with its ambassador
// id, in all namespaces; the addresses are those of its release.
func Look(ctx context.Context, client *kube.Client, ref Ref, ambassadorID string) (*Status, error) {
	s := &Status{Hosts: map[string]Host{}, Objects: map[string]Count{}}
	running, err := list[corev1.Service](ctx, client, services, ref)
	if err != nil {
		return nil, err
	}
	if len(running) == 0 {
		return nil, fmt.Errorf("there is no release %s on %s: no Service in the namespace has the label %s", ref, client.Server(), ref.selector())
	}
	s.Addresses = addresses(running)
	for _, definition := range crds.Definitions() {
		t := kube.Type{GroupVersionResource: kube.APIGroupVersion.WithResource(definition.Spec.Names.Plural), Kind: definition.Spec.Names.Kind}
		for object, err := range client.List(ctx, t, "", "") {
			if err != nil {
				return nil, err
			}
			if !kube.IsFor(object, ambassadorID) {
				continue
			}
			served, why := s.see(object, ambassadorID)
			if t.Kind != "Host" {
				continue
			}
			if err := s.addHost(ctx, client, object, served, why); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(s.Refused, func(a, b Refusal) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return s, nil
}

func addresses(services []*corev1.Service) []string {
	all := []string{}
	for _, service := range services {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			all = append(all, cmp.Or(ingress.IP, ingress.Hostname))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// see counts an object and notes what keeps it from being served.
func (s *Status) see(object *unstructured.Unstructured, ambassadorID string) (served bool, why string) {
	count := s.Objects[object.GetKind()]
	count.Total++
	verdict := kube.Judge(object, ambassadorID)
	switch {
	case verdict.Served:
		count.Served++
	case verdict.Refused:
		count.Refused++
		s.Refused = append(s.Refused, Refusal{Kind: object.GetKind(), Name: object.GetNamespace() + "/" + object.GetName(), Why: verdict.Why})
	default:
		count.Pending++
	}
	s.Objects[object.GetKind()] = count
	if verdict.Served {
		return true, ""
	}
	return false, cmp.Or(verdict.Why, "no controller has reported on it")
}

func (s *Status) addHost(ctx context.Context, client *kube.Client, object *unstructured.Unstructured, served bool, why string) error {
	host, err := typed[v3alpha1.Host](object)
	if err != nil {
		return err
	}
	certificate, err := certificateOf(ctx, client, host)
	if err != nil {
		return err
	}
	s.Hosts[host.Namespace+"/"+host.Name] = Host{Hostname: cmp.Or(host.Spec.Hostname, "*"), Served: served, Why: why, Certificate: certificate}
	return nil
}

// FirstExpiry is when the first of the Hosts' certificates expires; the zero
// time when there is none that could be read.
func (s *Status) FirstExpiry() (first time.Time) {
	for _, host := range s.Hosts {
		if host.Certificate == nil || host.Certificate.NotAfter.IsZero() {
			continue
		}
		if first.IsZero() || host.Certificate.NotAfter.Before(first) {
			first = host.Certificate.NotAfter
		}
	}
	return first
}
