package v3alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "getambassador.io", Version: "v3alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme registers every kind of this package, and its list kind, with s.
func AddToScheme(s *runtime.Scheme) error { return schemeBuilder.AddToScheme(s) }

func addKnownTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&AuthService{}, &AuthServiceList{},
		&ConsulResolver{}, &ConsulResolverList{},
		&DevPortal{}, &DevPortalList{},
		&Host{}, &HostList{},
		&KubernetesEndpointResolver{}, &KubernetesEndpointResolverList{},
		&KubernetesServiceResolver{}, &KubernetesServiceResolverList{},
		&Listener{}, &ListenerList{},
		&LogService{}, &LogServiceList{},
		&Mapping{}, &MappingList{},
		&Module{}, &ModuleList{},
		&RateLimitService{}, &RateLimitServiceList{},
		&TCPMapping{}, &TCPMappingList{},
		&TLSContext{}, &TLSContextList{},
		&TracingService{}, &TracingServiceList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
