package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds"
)

// TestCRDsData reads the example without a cluster: every manifest is the
// definition that the resource installs.
func TestCRDsData(t *testing.T) {
	t.Parallel()
	runTerraform(t, resource.TestStep{
		Config: "provider \"emissary\" {\n  host = \"https://127.0.0.1:1\"\n}\n" + readFile(t, "../examples/data-sources/emissary_crds/data-source.tf"),
		ConfigStateChecks: []statecheck.StateCheck{
			dataOfCRDs(tfjsonpath.New("kinds").AtMapKey("Mapping").AtMapKey("versions"), knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("v3alpha1")})),
			dataOfCRDs(tfjsonpath.New("kinds").AtMapKey("Mapping").AtMapKey("summary"), knownvalue.StringExact(crds.Summary(definitionOf(t, "Mapping")))),
			dataOfCRDs(tfjsonpath.New("kinds"), knownvalue.MapSizeExact(len(crds.Kinds()))),
			dataOfCRDs(tfjsonpath.New("installed"), knownvalue.Null()),
			dataOfCRDs(tfjsonpath.New("changes"), knownvalue.Null()),
			dataOfCRDs(tfjsonpath.New("manifests").AtMapKey("mappings.getambassador.io"), knownvalue.StringFunc(func(manifest string) error {
				return yaml.UnmarshalStrict([]byte(manifest), definitionOf(t, "Mapping"))
			})),
			statecheck.ExpectKnownOutputValue("files", knownvalue.MapSizeExact(len(crds.Kinds()))),
		},
	})
}

// TestCRDsDataOfCluster compares with a cluster when it is told to.
func TestCRDsDataOfCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const asked = "data \"emissary_crds\" \"this\" {\n  cluster = true\n}\n"
	host := tfjsonpath.New("installed").AtMapKey("Host")
	w.run(
		resource.TestStep{
			Config: w.config(asked),
			ConfigStateChecks: []statecheck.StateCheck{
				dataOfCRDs(host.AtMapKey("current"), knownvalue.Bool(true)),
				dataOfCRDs(host.AtMapKey("stored_versions"), knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("v3alpha1")})),
				dataOfCRDs(host.AtMapKey("owner"), knownvalue.Null()),
				dataOfCRDs(tfjsonpath.New("changes"), knownvalue.ListSizeExact(0)),
			},
		},
		resource.TestStep{
			Config:      "provider \"emissary\" {\n  host = \"https://127.0.0.1:1\"\n}\n" + asked,
			ExpectError: oneLine("Cannot read the CRDs .*https://127.0.0.1:1.* cannot be reached"),
		},
	)
}

func dataOfCRDs(path tfjsonpath.Path, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.emissary_crds.this", path, want)
}

func definitionOf(t *testing.T, kind string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	for _, definition := range definitions() {
		if definition.Spec.Names.Kind == kind {
			return definition
		}
	}
	t.Fatalf("no %s is embedded", kind)
	return nil
}
