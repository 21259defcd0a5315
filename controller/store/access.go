package store

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
)

// The accessors below return every object of a kind ordered by "name.namespace", Emissary's load order. The slices are
// shared and stay valid until the next change; callers must not modify them.

// AuthServices returns all AuthServices.
func (s *Store) AuthServices() []*v3alpha1.AuthService { return s.authServices.all() }

// ConsulResolvers returns all ConsulResolvers.
func (s *Store) ConsulResolvers() []*v3alpha1.ConsulResolver { return s.consulResolvers.all() }

// DevPortals returns all DevPortals.
func (s *Store) DevPortals() []*v3alpha1.DevPortal { return s.devPortals.all() }

// Hosts returns all Hosts.
func (s *Store) Hosts() []*v3alpha1.Host { return s.hosts.all() }

// EndpointResolvers returns all KubernetesEndpointResolvers.
func (s *Store) EndpointResolvers() []*v3alpha1.KubernetesEndpointResolver {
	return s.endpointResolvers.all()
}

// ServiceResolvers returns all KubernetesServiceResolvers.
func (s *Store) ServiceResolvers() []*v3alpha1.KubernetesServiceResolver {
	return s.serviceResolvers.all()
}

// Listeners returns all Listeners.
func (s *Store) Listeners() []*v3alpha1.Listener { return s.listeners.all() }

// LogServices returns all LogServices.
func (s *Store) LogServices() []*v3alpha1.LogService { return s.logServices.all() }

// Mappings returns all Mappings.
func (s *Store) Mappings() []*v3alpha1.Mapping { return s.mappings.all() }

// Mapping finds a Mapping; nil when it is not known.
func (s *Store) Mapping(namespace, name string) *v3alpha1.Mapping {
	mapping, _ := s.mappings.get(namespace, name)
	return mapping
}

// Modules returns all Modules.
func (s *Store) Modules() []*v3alpha1.Module { return s.modules.all() }

// RateLimitServices returns all RateLimitServices.
func (s *Store) RateLimitServices() []*v3alpha1.RateLimitService { return s.rateLimitServices.all() }

// TCPMappings returns all TCPMappings.
func (s *Store) TCPMappings() []*v3alpha1.TCPMapping { return s.tcpMappings.all() }

// TLSContexts returns all TLSContexts.
func (s *Store) TLSContexts() []*v3alpha1.TLSContext { return s.tlsContexts.all() }

// TracingServices returns all TracingServices.
func (s *Store) TracingServices() []*v3alpha1.TracingService { return s.tracingServices.all() }

// Object finds an object of any kind but Endpoints; nil when it is not known.
func (s *Store) Object(ref Ref) metav1.Object {
	table := s.byKind[ref.Kind]
	if table == nil {
		return nil
	}
	return table.object(key{ref.Namespace, ref.Name})
}

// Service finds a Service; nil when it is not known.
func (s *Store) Service(namespace, name string) *corev1.Service {
	service, _ := s.services.get(namespace, name)
	return service
}

// Secret finds a Secret; nil when it is not known.
func (s *Store) Secret(namespace, name string) *corev1.Secret {
	secret, _ := s.secrets.get(namespace, name)
	return secret
}

// EndpointSlices returns the EndpointSlices of a Service ordered by name.
func (s *Store) EndpointSlices(namespace, service string) []*discoveryv1.EndpointSlice {
	return s.slices.byService[key{namespace, service}]
}
