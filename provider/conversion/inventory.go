package conversion

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/internal/release"
)

// inventory is what the input as a whole says that matters to single objects.
type inventory struct {
	// declared are the names of the objects of our kinds; an object of that name that another one carries gives way.
	declared map[string]bool
	// places are the names in the output, with the origins of their objects.
	places map[string]string
	// services are by namespace/name: they know what the name of a port means.
	services map[string]*corev1.Service
	// classes are the IngressClasses of this product.
	classes map[string]bool
	// newest is the newest revision of each release that can be read.
	newest map[release.Ref]*release.Record
}

func takeInventory(items []map[string]any) inventory {
	i := inventory{
		declared: map[string]bool{}, places: map[string]string{}, services: map[string]*corev1.Service{},
		classes: map[string]bool{}, newest: map[release.Ref]*release.Record{},
	}
	for _, item := range items {
		u := &unstructured.Unstructured{Object: item}
		switch {
		case isOurs(u.GroupVersionKind().Group):
			i.declared[nameOf(item)] = true
		case isRecord(u):
			if record, err := decodeRecord(u); err == nil {
				if known := i.newest[record.Ref]; known == nil || known.Revision < record.Revision {
					i.newest[record.Ref] = record
				}
			}
		case isService(u):
			service := &corev1.Service{}
			if manifest.Convert(u, service) == nil {
				i.services[u.GetNamespace()+"/"+u.GetName()] = service
			}
		case u.GetKind() == "IngressClass":
			class := &networkingv1.IngressClass{}
			if manifest.Convert(u, class) == nil {
				i.classes[u.GetName()] = ingress.IsOurs(class, v3alpha1.DefaultAmbassadorID)
			}
		}
	}
	return i
}

func (i *inventory) isOurClass(name string) bool { return i.classes[name] }

// port finds the number of a named port.
func (i *inventory) port(namespace, service, name string) (int32, error) {
	found, ok := i.services[namespace+"/"+service]
	if !ok {
		return 0, fmt.Errorf("%q is a name that only the Service %s/%s explains: add it to the input", name, namespace, service)
	}
	for _, port := range found.Spec.Ports {
		if port.Name == name {
			return port.Port, nil
		}
	}
	return 0, fmt.Errorf("the Service %s/%s has no port %q", namespace, service, name)
}
