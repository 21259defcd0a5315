package crd

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"terraform-provider-emissary/internal/kube"
)

// namedFields is how many fields a change names; a plan must stay short.
const namedFields = 4

// Change is what becomes of one version of a CRD.
type Change struct {
	// Kind and Version name it, such as Mapping and v3alpha1.
	Kind, Version string
	// New and Gone are versions that only one side has.
	New, Gone bool
	// Added and Removed are paths of fields, such as "spec.docs.path", without
	// those below them; Changed are fields whose type or rules differ.
	Added, Removed, Changed []string
	// Others are words for what differs besides: "descriptions", "columns".
	Others []string
}

// Narrows reports whether an object may have something that it could not have
// after the change.
func (c Change) Narrows() bool { return len(c.Removed) > 0 || len(c.Changed) > 0 }

// String is the change in one line: "Mapping v3alpha1: +2 fields (spec.a, spec.b)".
func (c Change) String() string {
	var parts []string
	switch {
	case c.New:
		parts = []string{"new"}
	case c.Gone:
		parts = []string{"removed"}
	}
	if len(c.Added) > 0 {
		parts = append(parts, "+"+fields(c.Added))
	}
	if len(c.Removed) > 0 {
		parts = append(parts, "-"+fields(c.Removed))
	}
	if len(c.Changed) > 0 {
		parts = append(parts, "other rules for "+fields(c.Changed))
	}
	if len(c.Others) > 0 {
		parts = append(parts, "other "+strings.Join(c.Others, " and "))
	}
	return fmt.Sprintf("%s %s: %s", c.Kind, c.Version, strings.Join(parts, ", "))
}

// fields counts paths and names the first: "2 fields (spec.a, spec.b)".
func fields(paths []string) string {
	noun := "fields"
	if len(paths) == 1 {
		noun = "field"
	}
	return fmt.Sprintf("%d %s (%s)", len(paths), noun, first(paths, namedFields))
}

// first joins the first so many of a list and counts the others.
func first(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// Compare returns what applying a definition changes in a CRD as it is in a
// cluster, in the order of the versions' names; none when the two agree. The
// live one is nil where there is none.
func Compare(live, definition *kube.CRD) []Change {
	before, after := versions(live), versions(definition)
	both := maps.Clone(before)
	maps.Copy(both, after)
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(both)) {
		change := Change{Kind: definition.Spec.Names.Kind, Version: name}
		old, had := before[name]
		wanted, has := after[name]
		switch {
		case !had:
			change.New = true
		case !has:
			change.Gone = true
		default:
			change.compare(old, wanted)
			if live.Spec.Scope != definition.Spec.Scope || namesOf(live) != namesOf(definition) {
				change.Others = append(change.Others, "names")
			}
		}
		if !reflect.DeepEqual(change, Change{Kind: change.Kind, Version: name}) {
			changes = append(changes, change)
		}
	}
	return changes
}

// versions are those of a CRD by name; nil has none.
func versions(crd *kube.CRD) map[string]apiextensionsv1.CustomResourceDefinitionVersion {
	all := map[string]apiextensionsv1.CustomResourceDefinitionVersion{}
	if crd == nil {
		return all
	}
	for _, version := range crd.Spec.Versions {
		all[version.Name] = version
	}
	return all
}

// namesOf leaves the short names to whoever sets them.
func namesOf(crd *kube.CRD) string {
	names := crd.Spec.Names
	names.ShortNames = nil
	return text(names)
}

// compare fills in what differs between two versions of one name.
func (c *Change) compare(old, wanted apiextensionsv1.CustomResourceDefinitionVersion) {
	before, after := Fields(&old), Fields(&wanted)
	c.Added, c.Removed = beyond(after, before), beyond(before, after)
	described := false
	for _, path := range slices.Sorted(maps.Keys(before)) {
		was := before[path]
		is, stays := after[path]
		if !stays {
			continue
		}
		if rules(was) != rules(is) {
			c.Changed = append(c.Changed, path)
		}
		described = described || was.Description != is.Description
	}
	if described {
		c.Others = append(c.Others, "descriptions")
	}
	if text(old.AdditionalPrinterColumns) != text(wanted.AdditionalPrinterColumns) {
		c.Others = append(c.Others, "columns")
	}
	if text(old.Subresources) != text(wanted.Subresources) {
		c.Others = append(c.Others, "subresources")
	}
	if old.Served != wanted.Served || old.Storage != wanted.Storage || old.Deprecated != wanted.Deprecated {
		c.Others = append(c.Others, "use (served, stored)")
	}
}

// JSONSchema is one field's schema.
type JSONSchema = apiextensionsv1.JSONSchemaProps

// Fields returns the fields of a version by path, at any depth. The elements of
// a list are at "spec.docs[]", the values of a map at "spec.labels.*".
func Fields(version *apiextensionsv1.CustomResourceDefinitionVersion) map[string]JSONSchema {
	all := map[string]JSONSchema{}
	if version.Schema != nil && version.Schema.OpenAPIV3Schema != nil {
		collect(all, "", version.Schema.OpenAPIV3Schema)
	}
	return all
}

// CountFields is how many fields the first version of a CRD has, at any depth.
func CountFields(crd *kube.CRD) (count int64) {
	for path := range Fields(&crd.Spec.Versions[0]) {
		if path != "" && !strings.HasSuffix(path, "[]") && !strings.HasSuffix(path, ".*") {
			count++
		}
	}
	return count
}

func collect(all map[string]JSONSchema, at string, schema *JSONSchema) {
	all[at] = *schema
	for name, property := range schema.Properties {
		collect(all, strings.TrimPrefix(at+"."+name, "."), &property)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		collect(all, at+"[]", schema.Items.Schema)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		collect(all, at+".*", schema.AdditionalProperties.Schema)
	}
}

// beyond returns the fields that only the first has, without those below them.
func beyond(these, those map[string]JSONSchema) (paths []string) {
	for _, path := range slices.Sorted(maps.Keys(these)) {
		if _, ok := those[path]; !ok && !slices.ContainsFunc(paths, func(above string) bool { return isBelow(path, above) }) {
			paths = append(paths, path)
		}
	}
	return paths
}

func isBelow(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
}

// rules is what a schema demands of its own value, not of what is below it.
func rules(schema JSONSchema) string {
	schema.Description, schema.Properties, schema.Items, schema.AdditionalProperties = "", nil, nil, nil
	return text(schema)
}

func text(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("crd: %v", err)) // Its raw parts have been parsed as JSON before.
	}
	return string(data)
}
