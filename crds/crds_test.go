package crds_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"

	"terraform-provider-emissary/crds"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	want := []crds.Kind{
		{"AuthService", "authservices", "authservice"},
		{"ConsulResolver", "consulresolvers", "consulresolver"},
		{"DevPortal", "devportals", "devportal"},
		{"Host", "hosts", "host"},
		{"KubernetesEndpointResolver", "kubernetesendpointresolvers", "kubernetesendpointresolver"},
		{"KubernetesServiceResolver", "kubernetesserviceresolvers", "kubernetesserviceresolver"},
		{"Listener", "listeners", "listener"},
		{"LogService", "logservices", "logservice"},
		{"Mapping", "mappings", "mapping"},
		{"Module", "modules", "module"},
		{"RateLimitService", "ratelimitservices", "ratelimitservice"},
		{"TCPMapping", "tcpmappings", "tcpmapping"},
		{"TLSContext", "tlscontexts", "tlscontext"},
		{"TracingService", "tracingservices", "tracingservice"},
	}
	if got := crds.Kinds(); !slices.Equal(got, want) {
		t.Errorf("Kinds() = %v, want %v", got, want)
	}
}

// TestDefinitionsAreStructural asks of each schema what the API server asks of
// it when the CRD is created.
func TestDefinitionsAreStructural(t *testing.T) {
	t.Parallel()
	for _, crd := range crds.Definitions() {
		t.Run(crd.Spec.Names.Kind, func(t *testing.T) {
			t.Parallel()
			internal := &apiextensions.JSONSchemaProps{}
			schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
			if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, internal, nil); err != nil {
				t.Fatal(err)
			}
			structural, err := structuralschema.NewStructural(internal)
			if err != nil {
				t.Fatal(err)
			}
			if errs := structuralschema.ValidateStructural(nil, structural); len(errs) > 0 {
				t.Error(errs.ToAggregate())
			}
		})
	}
}

func TestDefinitionsAreComplete(t *testing.T) {
	t.Parallel()
	for _, crd := range crds.Definitions() {
		t.Run(crd.Spec.Names.Kind, func(t *testing.T) {
			t.Parallel()
			if got, want := crd.Name, crd.Spec.Names.Plural+".getambassador.io"; got != want {
				t.Errorf("name is %q, want %q", got, want)
			}
			if crd.Spec.Scope != apiextensionsv1.NamespaceScoped {
				t.Errorf("scope is %q, want Namespaced", crd.Spec.Scope)
			}
			if !slices.Equal(crd.Spec.Names.Categories, []string{"ambassador-crds"}) {
				t.Errorf("categories are %q, want ambassador-crds", crd.Spec.Names.Categories)
			}
			if crd.Spec.Conversion != nil {
				t.Error("spec.conversion is set: it belongs to whoever runs the conversion webhook")
			}
			if len(crd.Spec.Versions) != 1 {
				t.Fatalf("%d versions, want v3alpha1 alone", len(crd.Spec.Versions))
			}
			version := crd.Spec.Versions[0]
			if version.Name != "v3alpha1" || !version.Served || !version.Storage {
				t.Errorf("version %q served %v storage %v, want v3alpha1 served and stored", version.Name, version.Served, version.Storage)
			}
			if version.Subresources == nil || version.Subresources.Status == nil {
				t.Error("no status subresource")
			}
			if !slices.ContainsFunc(version.AdditionalPrinterColumns, func(c apiextensionsv1.CustomResourceColumnDefinition) bool {
				return c.Name == "Programmed"
			}) {
				t.Error("no Programmed column")
			}
			conditions := version.Schema.OpenAPIV3Schema.Properties["status"].Properties["conditions"]
			if conditions.XListType == nil || *conditions.XListType != "map" || !slices.Equal(conditions.XListMapKeys, []string{"type"}) {
				t.Error("status.conditions is not a list keyed by type")
			}
			instances := version.Schema.OpenAPIV3Schema.Properties["status"].Properties["instances"]
			if instances.XListType == nil || *instances.XListType != "map" || !slices.Equal(instances.XListMapKeys, []string{"ambassador_id"}) {
				t.Error("status.instances is not a list keyed by ambassador_id")
			}
		})
	}
}

// TestEveryFieldIsDescribed keeps the Terraform documentation, which is made
// from the schema, free of holes.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	for _, crd := range crds.Definitions() {
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		if schema.Description == "" {
			t.Errorf("%s: no description", crd.Spec.Names.Kind)
		}
		for path, property := range fields(schema.Properties["spec"], "spec") {
			if property.Description == "" {
				t.Errorf("%s: %s has no description", crd.Spec.Names.Kind, path)
			}
		}
	}
}

// fields returns every named field below a schema, by path; "[]" stands for
// the items of a list or map.
func fields(schema apiextensionsv1.JSONSchemaProps, path string) map[string]apiextensionsv1.JSONSchemaProps {
	found := map[string]apiextensionsv1.JSONSchemaProps{}
	var walk func(apiextensionsv1.JSONSchemaProps, string)
	walk = func(schema apiextensionsv1.JSONSchemaProps, path string) {
		for name, property := range schema.Properties {
			found[path+"."+name] = property
			walk(property, path+"."+name)
		}
		if schema.Items != nil && schema.Items.Schema != nil {
			walk(*schema.Items.Schema, path+"[]")
		}
		if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
			walk(*schema.AdditionalProperties.Schema, path+"[]")
		}
	}
	walk(schema, path)
	return found
}

// TestSummary: what this package defines counts, what others may set does not.
func TestSummary(t *testing.T) {
	t.Parallel()
	mapping := crds.Definitions()[slices.IndexFunc(crds.Kinds(), func(k crds.Kind) bool { return k.Kind == "Mapping" })]
	want := crds.Summary(mapping)
	if !strings.HasPrefix(want, "v3alpha1 sha256:") {
		t.Errorf("Summary() = %q, want v3alpha1 and a hash", want)
	}
	for name, test := range map[string]struct {
		change func(*apiextensionsv1.CustomResourceDefinition)
		same   bool
	}{
		"nothing":    {func(*apiextensionsv1.CustomResourceDefinition) {}, true},
		"labels":     {func(c *apiextensionsv1.CustomResourceDefinition) { c.Labels = map[string]string{"a": "b"} }, true},
		"short name": {func(c *apiextensionsv1.CustomResourceDefinition) { c.Spec.Names.ShortNames = []string{"m"} }, true},
		"conversion": {func(c *apiextensionsv1.CustomResourceDefinition) {
			c.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
		}, true},
		"a column": {func(c *apiextensionsv1.CustomResourceDefinition) {
			c.Spec.Versions[0].AdditionalPrinterColumns = c.Spec.Versions[0].AdditionalPrinterColumns[1:]
		}, false},
		"a field": {func(c *apiextensionsv1.CustomResourceDefinition) {
			delete(c.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties, "weight")
		}, false},
		"a version": {func(c *apiextensionsv1.CustomResourceDefinition) {
			c.Spec.Versions = append(c.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: "v2"})
		}, false},
		"scope": {func(c *apiextensionsv1.CustomResourceDefinition) { c.Spec.Scope = apiextensionsv1.ClusterScoped }, false},
	} {
		changed := mapping.DeepCopy()
		test.change(changed)
		if got := crds.Summary(changed); (got == want) != test.same {
			t.Errorf("%s changed: Summary() = %q, was %q", name, got, want)
		}
	}
}
