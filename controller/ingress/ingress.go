// Package ingress translates Kubernetes' own Ingress objects into Hosts and Mappings, the way Emissary does. It is pure.
//
// Two of Emissary's ways surprise people who come from other controllers, and are kept because configurations rely on
// them: a Mapping's rewrite defaults to "/", so that the matched path is cut off before the request goes to the service,
// and a Prefix path is compared as text (/foo takes /foobar), not by path segments. A rule makes no Host unless the
// Ingress has TLS for it: its Mappings are served by the Hosts there are.
package ingress

import (
	"fmt"
	"regexp"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
)

const (
	// Controller is the controller an IngressClass names to be served by Emissary.
	Controller = "getambassador.io/ingress-controller"
	// classAnnotation is how an Ingress chose its controller before there were IngressClasses.
	classAnnotation = "kubernetes.io/ingress.class"
	// idAnnotation says by its ambassador_id which instance serves an Ingress or an IngressClass.
	idAnnotation = "getambassador.io/ambassador-id"
	// label ties the Mappings of an Ingress to the Hosts made from its TLS section.
	label = "a10r-k8s-ingress"
)

// oneLabel matches what a leading * in the host of a rule stands for: exactly one label of a hostname.
const oneLabel = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?`

// IsOurs reports whether an IngressClass names this controller, in any letter case, and belongs to the instance ambassadorID.
func IsOurs(class *networkingv1.IngressClass, ambassadorID string) bool {
	return strings.EqualFold(class.Spec.Controller, Controller) && ambassadorIDOf(class).IsMember(ambassadorID)
}

// Wanted reports whether the instance ambassadorID serves an Ingress: by the annotation kubernetes.io/ingress.class,
// which says ambassador or emissary in any letter case, or by the name of an IngressClass for which isOurs is true.
func Wanted(ingress *networkingv1.Ingress, ambassadorID string, isOurs func(class string) bool) bool {
	if !ambassadorIDOf(ingress).IsMember(ambassadorID) {
		return false
	}
	switch strings.ToLower(ingress.Annotations[classAnnotation]) {
	case "ambassador", "emissary":
		return true
	}
	return ingress.Spec.IngressClassName != nil && isOurs(*ingress.Spec.IngressClassName)
}

func ambassadorIDOf(object metav1.Object) v3alpha1.AmbassadorID {
	if id := object.GetAnnotations()[idAnnotation]; id != "" {
		return v3alpha1.AmbassadorID{id}
	}
	return nil
}

// NamesPorts reports whether a backend names its port, so that the translation depends on the Service.
func NamesPorts(ingress *networkingv1.Ingress) bool {
	named := func(backend *networkingv1.IngressBackend) bool {
		return backend != nil && backend.Service != nil && backend.Service.Port.Name != ""
	}
	if named(ingress.Spec.DefaultBackend) {
		return true
	}
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for i := range rule.HTTP.Paths {
			if named(&rule.HTTP.Paths[i].Backend) {
				return true
			}
		}
	}
	return false
}

// Port finds the number of a named port of a Service in the Ingress' namespace.
type Port func(service, name string) (number int32, err error)

// Object is one Host or Mapping that an Ingress means.
type Object struct {
	// Object is the whole object, or no more than its metadata if Err says why it cannot be used.
	Object v3alpha1.Object
	Err    error
}

// Translate makes the Hosts and Mappings of an Ingress: for each host of each tls entry a Host <ingress>-<i>-<j>, for
// the default backend a Mapping <ingress>-default-backend, and for each path of each rule a Mapping <ingress>-<i>-<j>.
func Translate(ingress *networkingv1.Ingress, port Port) []Object {
	t := &translator{ingress: ingress, port: port}
	t.hosts()
	if backend := ingress.Spec.DefaultBackend; backend != nil {
		service, err := t.service("spec.defaultBackend", backend)
		t.mapping("default-backend", v3alpha1.MappingSpec{Hostname: "*", Prefix: "/", Service: service}, err)
	}
	for i := range ingress.Spec.Rules {
		t.rule(i, &ingress.Spec.Rules[i])
	}
	return t.objects
}

// translator carries one translation.
type translator struct {
	ingress *networkingv1.Ingress
	port    Port
	hasTLS  bool
	objects []Object
}

// hosts makes a Host for each host that has a certificate. Emissary serves those in cleartext too, as an Ingress says
// nothing about that.
func (t *translator) hosts() {
	for i, tls := range t.ingress.Spec.TLS {
		if tls.SecretName == "" {
			continue
		}
		names := tls.Hosts
		if len(names) == 0 {
			names = []string{"*"}
		}
		for j, name := range names {
			t.hasTLS = true
			t.objects = append(t.objects, Object{Object: &v3alpha1.Host{
				ObjectMeta: t.metadata(fmt.Sprintf("%d-%d", i, j)),
				Spec: v3alpha1.HostSpec{
					AmbassadorID:    ambassadorIDOf(t.ingress),
					Hostname:        name,
					TLSSecret:       &v3alpha1.SecretReference{Name: tls.SecretName},
					MappingSelector: &metav1.LabelSelector{MatchLabels: map[string]string{label: t.labelValue()}},
					RequestPolicy:   &v3alpha1.RequestPolicy{Insecure: v3alpha1.InsecureRequestPolicy{Action: v3alpha1.InsecureActionRoute}},
				},
			}})
		}
	}
}

func (t *translator) rule(i int, rule *networkingv1.IngressRule) {
	if rule.HTTP == nil {
		return
	}
	for j := range rule.HTTP.Paths {
		path := &rule.HTTP.Paths[j]
		service, err := t.service(fmt.Sprintf("spec.rules[%d].http.paths[%d].backend", i, j), &path.Backend)
		spec := v3alpha1.MappingSpec{Prefix: path.Path, Service: service}
		if spec.Prefix == "" {
			spec.Prefix = "/"
		}
		if path.PathType != nil && *path.PathType == networkingv1.PathTypeExact {
			precedence := 1
			spec.PrefixExact, spec.Precedence = true, &precedence
		}
		switch {
		case strings.HasPrefix(rule.Host, "*."):
			spec.Host, spec.HostRegex = oneLabel+regexp.QuoteMeta(rule.Host[1:])+"$", true
		case rule.Host != "":
			spec.Hostname = rule.Host
		case !t.hasTLS:
			spec.Hostname = "*" // with TLS, the Ingress' own Hosts select the Mapping by its label
		}
		t.mapping(fmt.Sprintf("%d-%d", i, j), spec, err)
	}
}

func (t *translator) mapping(suffix string, spec v3alpha1.MappingSpec, err error) {
	mapping := &v3alpha1.Mapping{ObjectMeta: t.metadata(suffix)}
	if err == nil {
		mapping.Spec = spec
		mapping.Spec.AmbassadorID = ambassadorIDOf(t.ingress)
	}
	t.objects = append(t.objects, Object{Object: mapping, Err: err})
}

// service spells a backend the way a Mapping does. The error names the field.
func (t *translator) service(field string, backend *networkingv1.IngressBackend) (string, error) {
	if backend.Service == nil || backend.Service.Name == "" {
		return "", fmt.Errorf("%s: a service is wanted; other backends are not supported", field)
	}
	number := backend.Service.Port.Number
	if name := backend.Service.Port.Name; number == 0 && name != "" {
		var err error
		if number, err = t.port(backend.Service.Name, name); err != nil {
			return "", fmt.Errorf("%s.service.port.name: %w", field, err)
		}
	}
	if number == 0 {
		return "", fmt.Errorf("%s.service.port: a number or the name of a port of Service %s is wanted", field, backend.Service.Name)
	}
	return fmt.Sprintf("%s.%s:%d", backend.Service.Name, t.ingress.Namespace, number), nil
}

func (t *translator) metadata(suffix string) metav1.ObjectMeta {
	labels := map[string]string{}
	for name, value := range t.ingress.Labels {
		labels[name] = value
	}
	labels[label] = t.labelValue()
	return metav1.ObjectMeta{
		Namespace: t.ingress.Namespace, Name: t.ingress.Name + "-" + suffix,
		Generation: t.ingress.Generation, Labels: labels,
	}
}

func (t *translator) labelValue() string {
	return "a10r-ingress-" + t.ingress.Name + "-" + t.ingress.Namespace
}
