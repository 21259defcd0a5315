package random

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/json"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/validation"
	"terraform-provider-emissary/provider"
)

// generator makes the objects of one configuration.
type generator struct {
	*rand.Rand
	t      *testing.T
	number int // of the configuration
	made   int // objects so far
}

func newGenerator(t *testing.T, number int) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(uint64(number), 1)), t: t, number: number}
}

// configuration is some objects of random kinds, one of them such that all kinds
// take their turn.
func (g *generator) configuration() (objects []map[string]any) {
	definitions := crds.Definitions()
	objects = append(objects, g.object(definitions[g.number%len(definitions)]))
	for range g.IntN(6) {
		objects = append(objects, g.object(definitions[g.IntN(len(definitions))]))
	}
	return objects
}

// change is the configuration with some objects changed, some gone and some new.
func (g *generator) change(objects []map[string]any) (changed []map[string]any) {
	for _, object := range objects {
		switch g.IntN(8) {
		case 0: // gone
		case 1, 2:
			changed = append(changed, object)
		default:
			changed = append(changed, g.valid(definitionOf(object), object))
		}
	}
	for range g.IntN(3) {
		changed = append(changed, g.object(crds.Definitions()[g.IntN(len(crds.Definitions()))]))
	}
	return changed
}

func definitionOf(object map[string]any) *apiextensionsv1.CustomResourceDefinition {
	kind := object["kind"]
	index := slices.IndexFunc(crds.Definitions(), func(d *apiextensionsv1.CustomResourceDefinition) bool { return d.Spec.Names.Kind == kind })
	return crds.Definitions()[index]
}

// object is a new one of the kind.
func (g *generator) object(definition *apiextensionsv1.CustomResourceDefinition) map[string]any {
	g.made++
	kind := definition.Spec.Names.Kind
	return g.valid(definition, map[string]any{
		"apiVersion": definition.Spec.Group + "/v3alpha1", "kind": kind,
		"metadata": map[string]any{"namespace": namespace(g.number), "name": fmt.Sprintf("%s-%d-%d", strings.ToLower(kind), g.number, g.made)},
	})
}

// namespace is that of a configuration.
func namespace(number int) string { return fmt.Sprintf("random-%d", number) }

// valid gives the object other labels, annotations and fields of its spec, until a
// plan accepts it. What a plan accepts, the API server has to accept, too.
func (g *generator) valid(definition *apiextensionsv1.CustomResourceDefinition, object map[string]any) map[string]any {
	g.t.Helper()
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	for range 200 {
		made := runtime.DeepCopyJSON(object)
		metadata, _ := made["metadata"].(map[string]any)
		for _, name := range []string{"labels", "annotations"} {
			if delete(metadata, name); g.IntN(3) == 0 {
				metadata[name] = g.texts("example.com/"+name, 1+g.IntN(3))
			}
		}
		spec, _ := g.value(&schema, "spec").(map[string]any)
		// A change keeps most of what was there.
		if before, ok := object["spec"].(map[string]any); ok {
			for name, value := range before {
				if g.IntN(3) > 0 {
					spec[name] = runtime.DeepCopyJSONValue(value)
				}
			}
		}
		made["spec"] = spec
		if g.repair(definition.Spec.Names.Kind, made) {
			return made
		}
	}
	g.t.Fatalf("no valid %s in 200 attempts", definition.Spec.Names.Kind)
	return nil
}

// repair takes away the fields that a plan refuses, and reports whether it accepts
// the rest.
func (g *generator) repair(kind string, object map[string]any) bool {
	spec, _ := object["spec"].(map[string]any)
	for range 20 {
		configuration, err := provider.ConfigurationOf(object)
		if err != nil {
			g.t.Fatal(err)
		}
		if len(configuration.Problems) == 0 {
			return g.admitted(kind, object)
		}
		wrong, _, _ := strings.Cut(configuration.Problems[0], " ")
		wrong, _, _ = strings.Cut(strings.NewReplacer("[", ".", "rate_limit_labels", "labels").Replace(wrong), ".")
		found := false
		for name := range spec {
			if plain(name) == plain(wrong) {
				delete(spec, name)
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return false
}

// plain makes the names in a manifest and in Terraform alike.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// admitted reports whether the CRD's schema lets the object be as it is. It may not
// where the manifest has what no configuration says, such as an unknown key.
func (g *generator) admitted(kind string, object map[string]any) bool {
	validator, err := validation.For(kind)
	if err != nil {
		g.t.Fatal(err)
	}
	unknown, errs := validator.Admit(&unstructured.Unstructured{Object: runtime.DeepCopyJSON(object)})
	return len(unknown) == 0 && len(errs) == 0
}

// value makes a random value of the schema; name is that of the field, which hints
// at what is meant.
func (g *generator) value(s *apiextensionsv1.JSONSchemaProps, name string) any {
	switch {
	case len(s.Enum) > 0:
		var value any
		if err := json.UnmarshalCaseSensitivePreserveInts(s.Enum[g.IntN(len(s.Enum))].Raw, &value); err != nil {
			g.t.Fatal(err)
		}
		return value
	case s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields:
		return g.fields(2)
	}
	switch s.Type {
	case "object":
		return g.members(s, name)
	case "array":
		list := []any{}
		for range number(s.MinItems) + g.IntN(3) {
			list = append(list, g.value(s.Items.Schema, name))
		}
		return list
	case "string":
		return g.text(name)
	case "integer":
		return g.integer(s)
	case "number":
		return 0.25
	case "boolean":
		return g.IntN(2) == 0
	}
	return g.free(2)
}

func (g *generator) members(s *apiextensionsv1.JSONSchemaProps, name string) map[string]any {
	object := map[string]any{}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		for i := range g.IntN(4) {
			object[fmt.Sprintf("x-%s-%d", strings.ToLower(strings.ReplaceAll(name, "_", "-")), i)] = g.value(s.AdditionalProperties.Schema, name)
		}
		return object
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Properties)), func(name string) bool {
		return strings.HasPrefix(name, "v2") // what Emissary's own conversion leaves behind; ours takes it away
	})
	if s.MaxProperties != nil && *s.MaxProperties == 1 { // one of several
		names = []string{names[g.IntN(len(names))]}
	}
	// An object without any field is no configuration: a plan takes it for one whose
	// fields are misspelt. A spec may be empty.
	one := names[g.IntN(len(names))]
	for _, field := range names {
		if field == one && name != "spec" || len(names) == 1 || slices.Contains(s.Required, field) || g.IntN(5) < 2 {
			property := s.Properties[field]
			object[field] = g.value(&property, field)
		}
	}
	return object
}

func (g *generator) integer(s *apiextensionsv1.JSONSchemaProps) int64 {
	least, most := int64(1), int64(5000)
	if s.Minimum != nil {
		least = int64(*s.Minimum)
	}
	if s.Maximum != nil {
		most = int64(*s.Maximum)
	}
	return []int64{least, most, least + g.Int64N(most-least+1)}[g.IntN(3)]
}

// free is a value of any shape, fields an object of any fields.
func (g *generator) free(depth int) any {
	choices := 7
	if depth == 0 {
		choices = 5
	}
	switch g.IntN(choices) {
	case 0:
		return "text"
	case 1:
		return int64(g.IntN(100))
	case 2:
		return 0.25
	case 3:
		return g.IntN(2) == 0
	case 4:
		return ""
	case 5:
		return []any{g.free(depth - 1), g.free(depth - 1)}
	default:
		return g.fields(depth - 1)
	}
}

func (g *generator) fields(depth int) map[string]any {
	object := map[string]any{}
	for i := range g.IntN(3) {
		object[[]string{"snake_case", "camelCase", "with space"}[i]] = g.free(depth)
	}
	return object
}

func (g *generator) texts(prefix string, n int) map[string]any {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprintf("%s-%d", prefix, i)] = []string{"", "a", "with-dash", fmt.Sprint(g.IntN(1000))}[g.IntN(4)]
	}
	return all
}
