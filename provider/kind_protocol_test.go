package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/provider"
)

type listingServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
}

// mappingServer speaks the plugin protocol about emissary_mapping: for what the
// Terraform at hand is too old for (identity, queries) or shows only in part.
type mappingServer struct {
	*testing.T
	listingServer
	schemas    *tfprotov6.GetProviderSchemaResponse
	identities *tfprotov6.GetResourceIdentitySchemasResponse
	resource   tftypes.Object
}

// newMappingServer configures the provider with a kubeconfig, or none.
func newMappingServer(t *testing.T, kubeconfig string) *mappingServer {
	t.Helper()
	server, ok := provider.NewServer("test").(listingServer)
	if !ok {
		t.Fatal("the provider lists no resources")
	}
	s := &mappingServer{T: t, listingServer: server}
	var err1, err2 error
	s.schemas, err1 = server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	s.identities, err2 = server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	s.resource, _ = s.schemas.ResourceSchemas["emissary_mapping"].ValueType().(tftypes.Object)
	block := s.schemas.Provider.ValueType()
	config := nullObject(block)
	if kubeconfig != "" {
		config["config_path"] = tftypes.NewValue(tftypes.String, kubeconfig)
	}
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamicValue(t, block, config)})
	s.must(err, configured.Diagnostics)
	return s
}

func (s *mappingServer) must(err error, diagnostics []*tfprotov6.Diagnostic) {
	s.Helper()
	for _, d := range diagnostics {
		s.Errorf("%s: %s", d.Summary, d.Detail)
	}
	if err != nil || len(diagnostics) > 0 {
		s.Fatal(err)
	}
}

// mapping is a resource with these attributes, the others null.
func (s *mappingServer) mapping(set map[string]any) *tfprotov6.DynamicValue {
	s.Helper()
	values := nullObject(s.resource)
	for name, value := range set {
		values[name] = tftypes.NewValue(s.resource.AttributeTypes[name], value)
	}
	return dynamicValue(s.T, s.resource, values)
}

func (s *mappingServer) null() *tfprotov6.DynamicValue {
	s.Helper()
	value, err := tfprotov6.NewDynamicValue(s.resource, tftypes.NewValue(s.resource, nil))
	if err != nil {
		s.Fatal(err)
	}
	return &value
}

// timeouts is the block of that name, with the same limit for everything.
func (s *mappingServer) timeouts(limit string) map[string]tftypes.Value {
	value := tftypes.NewValue(tftypes.String, limit)
	return map[string]tftypes.Value{"create": value, "update": value, "delete": value}
}

// apply makes the planned state of the prior one, and must succeed.
func (s *mappingServer) apply(prior, planned *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	s.Helper()
	resp, err := s.ApplyResourceChange(s.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "emissary_mapping", PriorState: prior, PlannedState: planned})
	s.must(err, resp.Diagnostics)
	return resp.NewState
}

// read refreshes the state, and must succeed.
func (s *mappingServer) read(state *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	s.Helper()
	resp, err := s.ReadResource(s.Context(), &tfprotov6.ReadResourceRequest{TypeName: "emissary_mapping", CurrentState: state})
	s.must(err, resp.Diagnostics)
	return resp.NewState
}

// texts are the attributes of a resource that are set to a text; "unknown" where
// it is not known.
func (s *mappingServer) texts(value *tfprotov6.DynamicValue) map[string]string {
	s.Helper()
	return texts(s.T, value, s.resource)
}

func texts(t *testing.T, value *tfprotov6.DynamicValue, as tftypes.Type) map[string]string {
	t.Helper()
	if value == nil {
		return nil
	}
	object, err := value.Unmarshal(as)
	if err != nil {
		t.Fatal(err)
	}
	var attributes map[string]tftypes.Value
	if err := object.As(&attributes); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for name, attribute := range attributes {
		var text string
		switch {
		case !attribute.IsKnown():
			found[name] = "unknown"
		case !attribute.IsNull() && attribute.As(&text) == nil:
			found[name] = text
		}
	}
	return found
}

// identity is the identity in an answer, or nil.
func (s *mappingServer) identity(data *tfprotov6.ResourceIdentityData) map[string]string {
	s.Helper()
	if data == nil {
		return nil
	}
	return texts(s.T, data.IdentityData, s.identities.IdentitySchemas["emissary_mapping"].ValueType())
}

func (s *mappingServer) same(what string, want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestPlanOfKind follows what a plan fills in, when it replaces, and what it
// leaves unknown.
func TestPlanOfKind(t *testing.T) {
	t.Parallel()
	s := newMappingServer(t, "")
	unknown := tftypes.UnknownValue
	tests := map[string]struct {
		prior, config, proposed map[string]any // proposed is config where nil
		planned, identity       map[string]string
		replaced                []string
	}{
		"create": {
			config:   map[string]any{"name": "quote", "prefix": "/"},
			planned:  map[string]string{"name": "quote", "prefix": "/", "namespace": "default", "id": "default/quote"},
			identity: map[string]string{"name": "quote", "namespace": "default"},
		},
		"unknown name": {
			config:  map[string]any{"name": unknown, "namespace": "web"},
			planned: map[string]string{"name": "unknown", "namespace": "web", "id": "unknown"},
		},
		"update": {
			prior:    map[string]any{"name": "quote", "namespace": "web", "id": "web/quote", "prefix": "/", "not_served": "because"},
			config:   map[string]any{"name": "quote", "namespace": "web", "prefix": "/"},
			proposed: map[string]any{"name": "quote", "namespace": "web", "id": "web/quote", "prefix": "/", "not_served": "because"},
			planned:  map[string]string{"name": "quote", "namespace": "web", "id": "web/quote", "prefix": "/"},
			identity: map[string]string{"name": "quote", "namespace": "web"},
		},
		"namespace dropped": {
			prior:    map[string]any{"name": "quote", "namespace": "web", "id": "web/quote"},
			config:   map[string]any{"name": "quote"},
			proposed: map[string]any{"name": "quote", "namespace": "web", "id": "web/quote"},
			planned:  map[string]string{"name": "quote", "namespace": "default", "id": "default/quote"},
			identity: map[string]string{"name": "quote", "namespace": "web"}, // of what is replaced
			replaced: []string{`AttributeName("namespace")`},
		},
		"renamed to something unknown": {
			prior:    map[string]any{"name": "quote", "namespace": "web", "id": "web/quote"},
			config:   map[string]any{"name": unknown, "namespace": "web"},
			planned:  map[string]string{"name": "unknown", "namespace": "web", "id": "unknown"},
			identity: map[string]string{"name": "quote", "namespace": "web"},
			replaced: []string{`AttributeName("name")`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, proposed := s.null(), test.proposed
			if test.prior != nil {
				prior = s.mapping(test.prior)
			}
			if proposed == nil {
				proposed = test.config
			}
			resp, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: "emissary_mapping", PriorState: prior, Config: s.mapping(test.config), ProposedNewState: s.mapping(proposed)})
			s.must(err, resp.Diagnostics)
			s.same("planned", test.planned, s.texts(resp.PlannedState))
			s.same("identity", test.identity, s.identity(resp.PlannedIdentity))
			var replaced []string
			for _, path := range resp.RequiresReplace {
				replaced = append(replaced, path.String())
			}
			s.same("replaced", test.replaced, replaced)
		})
	}
}

// TestStatesOfOtherVersions reads a state without an attribute that was added
// since, and with one that does not exist any more.
func TestStatesOfOtherVersions(t *testing.T) {
	t.Parallel()
	s := newMappingServer(t, "")
	resp, err := s.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: "emissary_mapping", RawState: &tfprotov6.RawState{JSON: []byte(`{"id":"web/quote","name":"quote","namespace":"web","prefix":"/","of_the_future":{"x":1}}`)}})
	s.must(err, resp.Diagnostics)
	s.same("state", map[string]string{"id": "web/quote", "name": "quote", "namespace": "web", "prefix": "/"}, s.texts(resp.UpgradedState))
	for _, raw := range []string{
		`{"name":"quote","namespace":"web"}`,
		`{"api_version":"getambassador.io/v3alpha1","kind":"Mapping","name":"quote","namespace":"web"}`, // of a kubernetes_manifest
	} {
		identity, err := s.UpgradeResourceIdentity(t.Context(), &tfprotov6.UpgradeResourceIdentityRequest{
			TypeName: "emissary_mapping", Version: 1, RawIdentity: &tfprotov6.RawState{JSON: []byte(raw)}})
		s.must(err, identity.Diagnostics)
		s.same("identity", map[string]string{"name": "quote", "namespace": "web"}, s.identity(identity.UpgradedIdentity))
	}
}

// TestGeneratedConfig has no attribute that a configuration may not set.
func TestGeneratedConfig(t *testing.T) {
	t.Parallel()
	s := newMappingServer(t, "")
	resp, err := s.GenerateResourceConfig(t.Context(), &tfprotov6.GenerateResourceConfigRequest{TypeName: "emissary_mapping",
		State: s.mapping(map[string]any{"id": "web/quote", "name": "quote", "namespace": "web", "prefix": "/", "not_served": "because"})})
	s.must(err, resp.Diagnostics)
	s.same("config", map[string]string{"name": "quote", "namespace": "web", "prefix": "/"}, s.texts(resp.Config))
}

// someMappings are made by someone else.
func (w *world) someMappings(names ...string) {
	w.Helper()
	for _, name := range names {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "getambassador.io/v3alpha1", "kind": "Mapping",
			"metadata": map[string]any{"name": name, "labels": map[string]any{"name": name, "team": "web"}},
			"spec":     map[string]any{"hostname": "*", "prefix": "/" + name + "/", "service": "quote"},
		}}
		if _, err := w.objects("mappings").Create(w.Context(), object, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
			w.Fatal(err)
		}
	}
}

// TestIdentity gives an object to an import that names it by identity, and keeps
// its identity through update, refresh and delete.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.someMappings("quote")
	s := newMappingServer(t, w.Kubeconfig)
	identityType := s.identities.IdentitySchemas["emissary_mapping"].ValueType()
	want := map[string]string{"name": "quote", "namespace": w.namespace}

	imported, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "emissary_mapping",
		Identity: &tfprotov6.ResourceIdentityData{IdentityData: dynamicValue(t, identityType, map[string]tftypes.Value{
			"name": tftypes.NewValue(tftypes.String, "quote"), "namespace": tftypes.NewValue(tftypes.String, w.namespace)})}})
	s.must(err, imported.Diagnostics)
	state := imported.ImportedResources[0].State
	s.same("imported", want, s.identity(imported.ImportedResources[0].Identity))
	s.same("state", map[string]string{"id": w.namespace + "/quote", "name": "quote", "namespace": w.namespace,
		"hostname": "*", "prefix": "/quote/", "service": "quote"}, s.texts(state))

	read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "emissary_mapping", CurrentState: state})
	s.must(err, read.Diagnostics)
	s.same("read", want, s.identity(read.NewIdentity))

	applied, err := s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: "emissary_mapping", PriorState: read.NewState, PlannedState: read.NewState})
	s.must(err, applied.Diagnostics)
	s.same("applied", want, s.identity(applied.NewIdentity))

	destroyed, err := s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: "emissary_mapping", PriorState: applied.NewState, PlannedState: s.null()})
	s.must(err, destroyed.Diagnostics)
	gone, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "emissary_mapping", CurrentState: applied.NewState})
	s.must(err, gone.Diagnostics)
	if null, err := gone.NewState.IsNull(); err != nil || !null {
		t.Errorf("the deleted object is still in the state (%v)", err)
	}

	for name, identity := range map[string]map[string]tftypes.Value{
		"must have a name": {"name": tftypes.NewValue(tftypes.String, nil), "namespace": tftypes.NewValue(tftypes.String, "web")},
		// Without a namespace it is the default one.
		"There is no Mapping default/quote": {"name": tftypes.NewValue(tftypes.String, "quote"), "namespace": tftypes.NewValue(tftypes.String, nil)},
	} {
		refused, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "emissary_mapping",
			Identity: &tfprotov6.ResourceIdentityData{IdentityData: dynamicValue(t, identityType, identity)}})
		if err != nil || len(refused.Diagnostics) != 1 || !strings.Contains(refused.Diagnostics[0].Detail, name) {
			t.Errorf("got %v %v, want %q", err, refused.Diagnostics, name)
		}
	}
}

// TestListResource finds objects that are in no configuration.
func TestListResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.someMappings("one", "three", "two")
	s := newMappingServer(t, w.Kubeconfig)
	listType := s.schemas.ListResourceSchemas["emissary_mapping"].ValueType()
	config := func(selector any) *tfprotov6.DynamicValue {
		return dynamicValue(t, listType, map[string]tftypes.Value{
			"namespace": tftypes.NewValue(tftypes.String, w.namespace), "label_selector": tftypes.NewValue(tftypes.String, selector)})
	}
	list := func(req tfprotov6.ListResourceRequest) (results []tfprotov6.ListResourceResult) {
		t.Helper()
		req.TypeName = "emissary_mapping"
		stream, err := s.ListResource(t.Context(), &req)
		if err != nil {
			t.Fatal(err)
		}
		for result := range stream.Results {
			s.must(nil, result.Diagnostics)
			results = append(results, result)
		}
		return results
	}
	names := func(results []tfprotov6.ListResourceResult) (names []string) {
		for _, result := range results {
			s.same("identity", result.DisplayName, s.identity(result.Identity)["namespace"]+"/"+s.identity(result.Identity)["name"])
			names = append(names, s.identity(result.Identity)["name"])
		}
		slices.Sort(names)
		return names
	}
	s.same("all", []string{"one", "three", "two"}, names(list(tfprotov6.ListResourceRequest{Config: config(nil)})))
	s.same("limited", 2, len(list(tfprotov6.ListResourceRequest{Config: config(nil), Limit: 2})))
	chosen := list(tfprotov6.ListResourceRequest{Config: config("team=web,name in (one, two)"), IncludeResource: true})
	s.same("chosen", []string{"one", "two"}, names(chosen))
	s.same("prefix", "/one/", s.texts(chosen[0].Resource)["prefix"])

	valid, err := s.ValidateListResourceConfig(t.Context(), &tfprotov6.ValidateListResourceConfigRequest{TypeName: "emissary_mapping", Config: config("team=web")})
	s.must(err, valid.Diagnostics)
	invalid, err := s.ValidateListResourceConfig(t.Context(), &tfprotov6.ValidateListResourceConfigRequest{TypeName: "emissary_mapping", Config: config("team in web")})
	if err != nil || len(invalid.Diagnostics) != 1 || !strings.Contains(invalid.Diagnostics[0].Detail, `"team in web", which is no label selector`) {
		t.Errorf("a wrong selector: %v %v", err, invalid.Diagnostics)
	}
}
