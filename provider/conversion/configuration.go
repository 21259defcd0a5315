package conversion

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"terraform-provider-emissary/internal/release"
	"terraform-provider-emissary/provider/hcl"
	"terraform-provider-emissary/provider/manifests"
)

// resource is a resource of the configuration.
type resource struct {
	resourceType    string
	namespace, name string
	// id is what an import block names; empty when there is nothing to import yet.
	id         string
	comment    string
	attributes []hcl.Attribute
	// label is the resource's name in the configuration.
	label string
}

// configuration writes the resources: CRDs, releases, then the kinds, each sorted by namespace and name.
func (c *converter) configuration() []byte {
	resources := c.resources()
	slices.SortStableFunc(resources, func(a, b *resource) int {
		return cmp.Or(cmp.Compare(rank(a.resourceType), rank(b.resourceType)), strings.Compare(a.resourceType, b.resourceType),
			strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
	nameAll(resources)
	var blocks []hcl.Block
	for _, r := range resources {
		if c.options.Imports && r.id != "" {
			blocks = append(blocks, hcl.Block{Type: "import", Attributes: []hcl.Attribute{
				{Name: "to", Value: hcl.Reference(r.resourceType + "." + r.label)}, {Name: "id", Value: r.id}}})
		}
		blocks = append(blocks, hcl.Block{Comment: r.comment, Type: "resource", Labels: []string{r.resourceType, r.label}, Attributes: r.attributes})
	}
	return hcl.Format(blocks)
}

const (
	crdsType    = "emissary_crds"
	releaseType = "emissary_release"
)

// rank puts what others need before them, as a reader would.
func rank(resourceType string) int {
	switch resourceType {
	case crdsType:
		return 0
	case releaseType:
		return 1
	default:
		return 2
	}
}

func (c *converter) resources() (resources []*resource) {
	if c.crds {
		resources = append(resources, &resource{resourceType: crdsType, name: "crds", id: "getambassador.io"})
	}
	for _, record := range c.releases {
		resources = append(resources, releaseResource(record))
	}
	for _, made := range c.objects {
		resources = append(resources, kindResource(made))
	}
	return resources
}

// releaseResource has the values that the user gave, not the chart's defaults, divided as an import divides them.
func releaseResource(record *release.Record) *resource {
	r := &resource{resourceType: releaseType, namespace: record.Namespace, name: record.Name, id: record.String()}
	r.attributes = []hcl.Attribute{{Name: "name", Value: record.Name}, {Name: "namespace", Value: record.Namespace}}
	source := record.Source()
	for _, a := range []hcl.Attribute{{Name: "chart", Value: source.Chart}, {Name: "repository", Value: source.Repository}, {Name: "version", Value: source.Version}} {
		if a.Value != "" {
			r.attributes = append(r.attributes, a)
		}
	}
	values, secret := release.SplitSecrets(record.Values) // As an import does.
	if len(values) > 0 {
		r.attributes = append(r.attributes, hcl.Attribute{Name: "values", Value: values})
	}
	if len(secret) > 0 {
		r.attributes = append(r.attributes, hcl.Attribute{Name: "sensitive_values", Value: secret})
	}
	switch bundled := bundledVersion(record.ChartName); {
	case record.Published.Chart != "":
		r.comment = fmt.Sprintf("Emissary's own chart. Without chart, repository and version, an apply makes it version %s of the one in the provider.", bundled)
	case record.ChartVersion != bundled:
		r.comment = fmt.Sprintf("In the cluster it has version %s of the chart; an apply makes it %s.", record.ChartVersion, bundled)
	}
	return r
}

// kindResource names the object first, then says what it is.
func kindResource(made *object) *resource {
	namespace, _ := made.attributes["namespace"].(string)
	name, _ := made.attributes["name"].(string)
	r := &resource{resourceType: made.resourceType, namespace: namespace, name: name}
	if made.origin == "" {
		r.id = namespace + "/" + name
	} else {
		r.comment = "From " + made.origin + "."
	}
	first := []string{"name", "namespace", "labels", "annotations"}
	for _, name := range slices.Concat(first, slices.Sorted(maps.Keys(made.attributes))) {
		value, set := made.attributes[name]
		again := slices.Contains(first, name) && slices.ContainsFunc(r.attributes, func(a hcl.Attribute) bool { return a.Name == name })
		if set && !again {
			r.attributes = append(r.attributes, hcl.Attribute{Name: name, Value: value})
		}
	}
	return r
}

// nameAll gives every resource its name in the configuration: the object's, with the namespace before it where several
// objects of a type have that name, and with a number where even that is not enough ("a-b" and "a.b").
func nameAll(resources []*resource) {
	short := map[string]int{}
	for _, r := range resources {
		short[r.resourceType+"."+hcl.Identifier(r.name)]++
	}
	taken := map[string]bool{}
	for _, r := range resources {
		r.label = hcl.Identifier(r.name)
		if short[r.resourceType+"."+r.label] > 1 {
			r.label = hcl.Identifier(r.namespace + "_" + r.name)
		}
		base := r.label
		for n := 2; taken[r.resourceType+"."+r.label]; n++ {
			r.label = fmt.Sprintf("%s_%d", base, n)
		}
		taken[r.resourceType+"."+r.label] = true
	}
}

// manifests writes the objects as YAML documents, in the order of the input.
func (c *converter) manifests() ([]byte, error) {
	contents := make([]map[string]any, len(c.objects))
	for i, made := range c.objects {
		contents[i] = made.content
	}
	text, err := manifests.Encode(contents)
	return []byte(text), err
}
