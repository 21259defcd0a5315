package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/provider"
)

// kustomizationServer speaks the plugin protocol about emissary_kustomization:
// for interrupts and warnings, which Terraform's test framework does not have.
type kustomizationServer struct {
	*testing.T
	tfprotov6.ProviderServer
	resource tftypes.Object
	planned  func() // called between plan and apply; may be nil
}

// newKustomizationServer configures the provider with these attributes.
func newKustomizationServer(t *testing.T, configuration map[string]any) *kustomizationServer {
	t.Helper()
	s := &kustomizationServer{T: t, ProviderServer: provider.NewServer("test")}
	schemas, err := s.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	s.resource, _ = schemas.ResourceSchemas["emissary_kustomization"].ValueType().(tftypes.Object)
	block := schemas.Provider.ValueType()
	values := nullObject(block)
	for name, value := range configuration {
		values[name] = tftypes.NewValue(tftypes.String, value)
	}
	configured, err := s.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamicValue(t, block, values)})
	if err != nil || len(configured.Diagnostics) > 0 {
		t.Fatalf("configure: %v %v", err, configured.Diagnostics)
	}
	return s
}

// known is a resource as the engine keeps it.
type known struct {
	state   *tfprotov6.DynamicValue
	private []byte
}

func (s *kustomizationServer) none() known {
	value, err := tfprotov6.NewDynamicValue(s.resource, tftypes.NewValue(s.resource, nil))
	if err != nil {
		s.Fatal(err)
	}
	return known{state: &value}
}

// change plans and applies a configuration, or a destroy for none, and returns
// what the engine keeps then.
func (s *kustomizationServer) change(ctx context.Context, prior known, attributes map[string]any) (known, []*tfprotov6.Diagnostic) {
	s.Helper()
	config, planned := s.none().state, known{state: s.none().state, private: prior.private}
	if attributes != nil {
		values := nullObject(s.resource)
		for name, value := range attributes {
			if given, ok := value.(tftypes.Value); ok {
				values[name] = given
				continue
			}
			values[name] = tftypes.NewValue(s.resource.AttributeTypes[name], value)
		}
		config = dynamicValue(s.T, s.resource, values)
		plan, err := s.PlanResourceChange(s.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: "emissary_kustomization", PriorState: prior.state, ProposedNewState: config, Config: config, PriorPrivate: prior.private,
		})
		if err != nil || len(plan.Diagnostics) > 0 {
			s.Fatalf("plan: %v %+v", err, plan.Diagnostics)
		}
		planned = known{state: plan.PlannedState, private: plan.PlannedPrivate}
	}
	if s.planned != nil {
		s.planned()
	}
	applied, err := s.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "emissary_kustomization", PriorState: prior.state, PlannedState: planned.state, Config: config, PlannedPrivate: planned.private,
	})
	if err != nil {
		s.Fatal(err)
	}
	return known{state: applied.NewState, private: applied.Private}, applied.Diagnostics
}

// objects is the attribute of that name.
func (s *kustomizationServer) objects(of known) map[string]string {
	s.Helper()
	value, err := of.state.Unmarshal(s.resource)
	if err != nil {
		s.Fatal(err)
	}
	var attributes, objects map[string]tftypes.Value
	if value.IsNull() {
		return nil
	}
	if err := value.As(&attributes); err != nil {
		s.Fatal(err)
	}
	if err := attributes["objects"].As(&objects); err != nil {
		s.Fatal(err)
	}
	texts := map[string]string{}
	for id, object := range objects {
		var text string
		if err := object.As(&text); err != nil {
			s.Fatal(err)
		}
		texts[id] = text
	}
	return texts
}

// TestKustomizationKeepsSecrets looks for a secret in all that the engine keeps
// of a resource: state, private state and diagnostics.
func TestKustomizationKeepsSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.folder(dir, shop)
	s := newKustomizationServer(t, map[string]any{"config_path": w.Kubeconfig})
	made, diags := s.change(t.Context(), s.none(), map[string]any{"path": dir, "wait": false})
	if len(diags) > 0 {
		t.Fatalf("%+v", diags)
	}
	w.folder(dir, change(shop, "kustomization.yaml", "correct-horse", "battery-staple"))
	changed, diags := s.change(t.Context(), made, map[string]any{"path": dir, "wait": false})
	if len(diags) > 0 {
		t.Fatalf("%+v", diags)
	}
	for _, kept := range []known{made, changed} {
		for _, secret := range []string{"correct-horse", "Y29ycmVjdC1ob3JzZQ", "battery-staple", "YmF0dGVyeS1zdGFwbGU"} {
			if strings.Contains(string(kept.private), secret) || strings.Contains(string(kept.state.MsgPack), secret) {
				t.Errorf("%s is kept", secret)
			}
		}
	}
	if len(s.objects(made)) != 4 {
		t.Errorf("the state has %v", s.objects(made))
	}
	t.Logf("4 objects take %d bytes of private state", len(made.private))
	testKustomizationSensitiveFiles(w, dir)
	gone, diags := s.change(t.Context(), changed, nil)
	if len(diags) > 0 || s.objects(gone) != nil || w.object(secrets, "password") != nil {
		t.Errorf("the destroy has left %v: %+v", s.objects(gone), diags)
	}
}

// testKustomizationSensitiveFiles looks for what sensitive files hold, whatever
// kind of object it is in.
func testKustomizationSensitiveFiles(w *world, dir string) {
	s := newKustomizationServer(w.T, map[string]any{"config_path": w.Kubeconfig})
	attributes := func(level string) map[string]any {
		object, files := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"namespace": tftypes.String, "resources": tftypes.List{ElementType: tftypes.String}}}, tftypes.Map{ElementType: tftypes.String}
		return map[string]any{
			"path": dir, "wait": false,
			"kustomization": tftypes.NewValue(object, map[string]tftypes.Value{
				"namespace": tftypes.NewValue(tftypes.String, w.namespace),
				"resources": tftypes.NewValue(object.AttributeTypes["resources"], []tftypes.Value{tftypes.NewValue(tftypes.String, "hidden.yaml")}),
			}),
			"sensitive_files": tftypes.NewValue(files, map[string]tftypes.Value{
				"hidden.yaml": tftypes.NewValue(tftypes.String, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hidden}\ndata: {key: "+level+"}\n"),
			}),
		}
	}
	made, diags := s.change(w.Context(), s.none(), attributes("correct-horse"))
	changed, more := s.change(w.Context(), made, attributes("battery-staple"))
	if len(diags)+len(more) > 0 || w.key("hidden") != "battery-staple" {
		w.Fatalf("%+v %+v: it has %q", diags, more, w.key("hidden"))
	}
	for _, secret := range []string{"correct-horse", "battery-staple"} {
		if strings.Contains(string(made.private)+string(changed.private), secret) || strings.Contains(s.changes(changed), secret) {
			w.Errorf("%s is kept", secret)
		}
	}
	if text := s.changes(changed); !strings.Contains(text, "data.key") {
		w.Errorf("the changes are %s", text)
	}
	if _, diags := s.change(w.Context(), changed, nil); len(diags) > 0 || w.key("hidden") != "" {
		w.Errorf("%+v", diags)
	}
}

// changes is the attribute of that name, as text.
func (s *kustomizationServer) changes(of known) string {
	s.Helper()
	value, err := of.state.Unmarshal(s.resource)
	if err != nil {
		s.Fatal(err)
	}
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		s.Fatal(err)
	}
	return attributes["changes"].String()
}
