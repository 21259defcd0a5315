package derive

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	"terraform-provider-emissary/controller/annotation"
	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

// making is what one carrier says now.
type making struct {
	objects []manifest.Object
	// problems are parts that cannot be used.
	problems []string
	// incomplete: objects may be missing because a part cannot be read.
	incomplete bool
}

// make reads a carrier; one that is gone makes nothing.
func (d *Deriver) make(ref store.Ref) making {
	carrier := d.carriers[ref]
	if carrier == nil {
		return making{}
	}
	var m making
	objects, problems := annotation.Objects(carrier)
	m.objects = objects
	for _, problem := range problems {
		m.problems = append(m.problems, problem.Error())
		m.incomplete = true
	}
	if object, ok := carrier.(*networkingv1.Ingress); ok && ingress.Wanted(object, d.ambassadorID, func(class string) bool { return d.classes[class] }) {
		for _, made := range ingress.Translate(object, d.portIn(ref.Namespace)) {
			m.objects = append(m.objects, manifest.Object{
				Ref: store.RefOf(made.Object), Object: made.Object, Err: made.Err,
				AmbassadorID: v3alpha1.AmbassadorID{d.ambassadorID}, Source: ref.String(),
			})
		}
	}
	return m
}

// portIn finds the numbers of named ports of the Services in a namespace.
func (d *Deriver) portIn(namespace string) ingress.Port {
	return func(service, name string) (int32, error) {
		object := d.services[store.Ref{Kind: "Service", Namespace: namespace, Name: service}]
		if object == nil {
			return 0, fmt.Errorf("%q cannot be looked up: there is no Service %s/%s", name, namespace, service)
		}
		for _, port := range object.Spec.Ports {
			if port.Name == name {
				return port.Port, nil
			}
		}
		return 0, fmt.Errorf("service %s/%s has no port named %q", namespace, service, name)
	}
}
