package schema

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/crds"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// derived are the kinds of the embedded CRDs, as the provider derives them.
func derived(t testing.TB) []*Kind {
	t.Helper()
	var kinds []*Kind
	for _, crd := range crds.Definitions() {
		var overrides Overrides
		if crd.Spec.Names.Kind == "Mapping" {
			overrides.Rename = map[string]string{"labels": "rate_limit_labels"}
		}
		kind, err := Derive(crd, overrides)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func kindNamed(t testing.TB, name string) *Kind {
	t.Helper()
	all := derived(t)
	return all[slices.IndexFunc(all, func(k *Kind) bool { return k.Name == name })]
}

// resourceType is the type of a resource of the kind: its own attributes and one
// that does not come from the object.
func resourceType(k *Kind) tftypes.Object {
	block := &tfprotov6.SchemaBlock{Attributes: append(k.Attributes(), &tfprotov6.SchemaAttribute{Name: "id", Type: tftypes.String})}
	return block.ValueType().(tftypes.Object)
}

// TestAttributesAreStable shows every change of a resource's interface in review:
// renaming or retyping an attribute breaks configurations and states.
func TestAttributesAreStable(t *testing.T) {
	t.Parallel()
	golden := map[string]any{}
	for _, k := range derived(t) {
		golden["emissary_"+k.TypeName()] = shape(k.Attributes())
	}
	got, err := json.MarshalIndent(golden, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "attributes.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("the attributes changed; go test ./provider/schema -update accepts it (-want +got):\n%s", diff)
	}
}

// shape describes attributes by name: a type, required or not, or a tree.
func shape(attributes []*tfprotov6.SchemaAttribute) map[string]any {
	described := map[string]any{}
	for _, a := range attributes {
		required := ""
		if a.Required {
			required = ", required"
		}
		if a.NestedType == nil {
			described[a.Name] = typeName(a.Type) + required
			continue
		}
		nesting := map[tfprotov6.SchemaObjectNestingMode]string{
			tfprotov6.SchemaObjectNestingModeSingle: "object",
			tfprotov6.SchemaObjectNestingModeList:   "list of",
			tfprotov6.SchemaObjectNestingModeMap:    "map of",
		}[a.NestedType.Nesting]
		described[a.Name+" ("+nesting+required+")"] = shape(a.NestedType.Attributes)
	}
	return described
}

func typeName(t tftypes.Type) string {
	return strings.NewReplacer("tftypes.", "", "DynamicPseudoType", "Dynamic").Replace(t.String())
}

// TestAttributeNames keeps to what Terraform takes as a name.
func TestAttributeNames(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	// Terraform's own arguments of every resource.
	reserved := []string{"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}
	var check func(at string, attributes []*tfprotov6.SchemaAttribute)
	check = func(at string, attributes []*tfprotov6.SchemaAttribute) {
		seen := map[string]bool{}
		for _, a := range attributes {
			if !valid.MatchString(a.Name) || seen[a.Name] || at == "" && slices.Contains(reserved, a.Name) {
				t.Errorf("%s%s cannot be the name of an attribute", at, a.Name)
			}
			seen[a.Name] = true
			if a.NestedType != nil {
				check(at+a.Name+".", a.NestedType.Attributes)
			}
		}
	}
	for _, k := range derived(t) {
		check("", k.Attributes())
	}
}

// TestEveryAttributeIsDescribed keeps the generated documentation complete.
func TestEveryAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	var walk func(at string, n *node)
	walk = func(at string, n *node) {
		for _, field := range n.fields {
			path := at + "." + field.attribute
			if field.description == "" {
				t.Errorf("%s has no description", path)
			}
			walk(path, field)
		}
		if n.element != nil {
			walk(at, n.element)
		}
	}
	for _, k := range derived(t) {
		if k.Description == "" {
			t.Errorf("%s has no description", k.Name)
		}
		walk(k.Name, k.spec)
	}
}

// TestWireTypes keeps the two descriptions of each attribute's type the same.
func TestWireTypes(t *testing.T) {
	t.Parallel()
	for _, k := range derived(t) {
		attributes := resourceType(k).AttributeTypes
		for _, field := range k.spec.fields {
			if want, got := attributes[field.attribute], field.wire(); !want.Equal(got) {
				t.Errorf("%s.%s: %s, want %s", k.Name, field.attribute, got, want)
			}
		}
	}
}

func TestSnakeCase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"tlsSecret": "tls_secret", "TCPMapping": "tcp_mapping", "TLSContext": "tls_context", "ambassador_id": "ambassador_id",
		"l7Depth": "l7_depth", "http2MaxConcurrentStreams": "http2_max_concurrent_streams", "KubernetesEndpointResolver": "kubernetes_endpoint_resolver",
		"previewUrl": "preview_url",
	} {
		if got := snakeCase(in); got != want {
			t.Errorf("snakeCase(%q) = %q, want %q", in, got, want)
		}
	}
}

// BenchmarkDerive measures what each start of the provider pays (the CRDs parsed).
func BenchmarkDerive(b *testing.B) {
	crds.Definitions()
	for b.Loop() {
		for _, k := range derived(b) {
			k.Attributes()
		}
	}
}
