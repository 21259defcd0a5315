package conversion

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/provider/manifests"
)

// isOurs reports whether an API group is that of our kinds; "ambassador" is an older name of it.
func isOurs(group string) bool { return group == convert.Group || group == "ambassador" }

// own converts an object of one of our kinds.
func (c *converter) own(item map[string]any) {
	converted, err := convert.ToV3alpha1(item)
	if err != nil {
		c.refuse(item, err)
		return
	}
	c.put(converted, "")
}

// refuse says why an object is not in the output.
func (c *converter) refuse(item map[string]any, err error) {
	for problem := range strings.SplitSeq(err.Error(), "\n") {
		c.say(Error, item, "it is left out: %s", problem)
	}
}

// put adds an object of v3alpha1 to the output, and reports whether it did. Origin says what it was made from, if not
// from itself.
func (c *converter) put(content map[string]any, origin string) bool {
	name := nameOf(content)
	first, taken := c.places[name]
	switch {
	case origin == "" && taken:
		c.say(Error, content, "it is there twice: the second one is left out")
		return false
	case origin != "" && c.declared[name]:
		c.say(Error, content, "that of %s is left out: there is an object of this name", origin)
		return false
	case taken:
		c.say(Error, content, "that of %s is left out: it is there already, from %s", origin, first)
		return false
	}
	c.places[name] = origin
	made := &object{content: clean(content), origin: origin}
	if c.options.To == YAML {
		if err := manifests.Check(made.content); err != nil {
			c.say(Warning, content, "the API server would not take it as it is: %s", strings.TrimPrefix(err.Error(), name+": "))
		}
		c.objects = append(c.objects, made)
		return true
	}
	configuration, err := provider.ConfigurationOf(content)
	if err != nil {
		c.refuse(content, err)
		return false
	}
	made.resourceType, made.attributes = configuration.ResourceType, configuration.Attributes
	c.objects = append(c.objects, made)
	c.explain(content, configuration)
	return true
}

// explain says what of an object its configuration does not say, and what a plan refuses.
func (c *converter) explain(content map[string]any, configuration *provider.Configuration) {
	for _, lost := range slices.Concat(lostFields(content), configuration.Lost) {
		c.say(Warning, content, "%s; it is left out", lost)
	}
	for _, problem := range configuration.Problems {
		c.say(Warning, content, "a plan will refuse it: %s", problem)
	}
	if len(configuration.Hidden) > 0 {
		c.hidden++
	}
	u := &unstructured.Unstructured{Object: content}
	if ref, owned := releaseOf(u); owned {
		c.say(Note, content, "it belongs to the Helm release %s, which is not in the input: "+
			"Helm will go on changing and deleting it unless it leaves the release", ref)
	}
}

// lostFields are the fields beside the spec that a resource has no attribute for.
func lostFields(content map[string]any) (lost []string) {
	for _, name := range slices.Sorted(maps.Keys(content)) {
		switch name {
		case "apiVersion", "kind", "metadata", "spec", "status":
		default:
			lost = append(lost, name+": the kind has no such field")
		}
	}
	metadata, _ := content["metadata"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		items, isList := metadata[name].([]any)
		switch {
		case isList && len(items) == 0:
		case slices.Contains([]string{"name", "namespace", "labels", "annotations"}, name) || isServers(name):
		case name == "ownerReferences":
			lost = append(lost, "metadata.ownerReferences: something in the cluster made the object, and may change or delete it")
		case name == "deletionTimestamp":
			lost = append(lost, "metadata.deletionTimestamp: the object is being deleted")
		default:
			lost = append(lost, "metadata."+name+": a resource does not manage it")
		}
	}
	return lost
}
