package conversion

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/controller/annotation"
	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/provider/manifests"
)

// annotated converts the objects in the annotation of a Service or an Ingress.
func (c *converter) annotated(parent *unstructured.Unstructured) {
	if !carries(parent) {
		return
	}
	objects, problems := annotation.Objects(parent)
	for _, problem := range problems {
		c.say(Error, parent.Object, "%v", problem)
	}
	origin := "the annotation of " + nameOf(parent.Object)
	count := 0
	for _, found := range objects {
		typed, ok := found.Object.(v3alpha1.Object)
		if found.Err != nil || !ok {
			c.say(Error, parent.Object, "%s: %s is left out: %v", found.Source, found.Ref, found.Err)
			continue
		}
		content, err := manifests.Content(typed)
		if err != nil {
			c.say(Error, parent.Object, "%s: %s is left out: %v", found.Source, found.Ref, err)
			continue
		}
		for _, field := range found.Unknown {
			c.say(Warning, content, "%s: the kind has no such field; it is left out", field)
		}
		if c.put(content, origin) {
			count++
		}
	}
	if count == 0 {
		return
	}
	next := "the first apply creates them; then remove the annotation"
	if c.options.To == YAML {
		removeAnnotation(parent, annotation.Key)
		next = "the annotation is left out"
	}
	c.say(Note, parent.Object, "its annotation %s becomes %s of its own: %s", annotation.Key, counted(count), next)
}

// ingress converts an Ingress to Hosts and Mappings, whatever its class.
func (c *converter) ingress(u *unstructured.Unstructured) {
	decoded, err := ingress.Decode(u.Object)
	if err != nil {
		c.refuse(u.Object, err)
		return
	}
	made, err := manifests.OfIngress(decoded, func(service, port string) (int32, error) {
		return c.port(decoded.Namespace, service, port)
	})
	if err != nil {
		c.refuse(u.Object, err)
		return
	}
	count := 0
	for _, content := range made {
		if c.put(content, nameOf(u.Object)) {
			count++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.GetAnnotations())) {
		if !isKnownAnnotation(name) {
			c.say(Warning, u.Object, "metadata.annotations[%q]: it has no meaning here; it is left out", name)
		}
	}
	c.say(Note, u.Object, "it becomes %s of its own: apply, then delete the Ingress", counted(count))
	if !ingress.Wanted(decoded, v3alpha1.DefaultAmbassadorID, c.isOurClass) {
		c.say(Note, u.Object, "its class is %s: beside what another controller makes of it, a Mapping cuts the matched path off "+
			"(see rewrite), and a prefix is compared as text", classOf(decoded))
	}
}

// isKnownAnnotation reports whether an annotation of an Ingress is one that conversion reads, or a trace of a tool.
func isKnownAnnotation(name string) bool {
	return name == "kubernetes.io/ingress.class" || name == lastApplied ||
		strings.HasPrefix(name, "getambassador.io/") || strings.HasPrefix(name, "meta.helm.sh/")
}

func classOf(i *networkingv1.Ingress) string {
	if class := i.Annotations["kubernetes.io/ingress.class"]; class != "" {
		return fmt.Sprintf("%q", class)
	}
	if i.Spec.IngressClassName != nil {
		return fmt.Sprintf("%q", *i.Spec.IngressClassName)
	}
	return "not given"
}
