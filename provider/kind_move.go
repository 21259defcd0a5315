package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/provider/schema"
)

// moveSource is a resource of another provider that holds a manifest.
type moveSource struct {
	typeName string
	// providers are the namespaces and types of the providers that have it; the
	// registry they come from does not matter.
	providers []string
	// manifest takes the manifest out of the state: text, or a value of its own.
	manifest func(state map[string]any) any
}

var moveSources = []moveSource{
	{"kubectl_manifest", []string{"gavinbunney/kubectl", "alekc/kubectl"}, func(state map[string]any) any { return state["yaml_body"] }},
	{"kubernetes_manifest", []string{"hashicorp/kubernetes"}, func(state map[string]any) any {
		typed, _ := state["manifest"].(map[string]any) // with its type beside it, as it has none in the schema
		return typed["value"]
	}},
	{"kustomization_resource", []string{"kbst/kustomization"}, func(state map[string]any) any { return state["manifest"] }},
}

// ownProvider ends the address of this provider, whatever registry and namespace it
// is published in. Terraform gives it as that of the source when it moves the second
// instance of a resource one by one: with the first one, it has noted this provider
// for all of them (applyCrossTypeMove, up to 1.15 at least; OpenTofu does not).
const ownProvider = "/emissary"

// from reports whether a type of a provider is this source.
func (s *moveSource) from(typeName, providerAddress string) bool {
	return s.typeName == typeName && (strings.HasSuffix(providerAddress, ownProvider) ||
		slices.ContainsFunc(s.providers, func(name string) bool { return strings.HasSuffix(providerAddress, "/"+name) }))
}

// MoveResourceState takes an object over from another provider's resource, for a
// moved block. The state then says what the manifest says; the plan shows what
// the configuration says differently, and the object is never deleted.
func (r *kindResource) MoveResourceState(_ context.Context, req *tfprotov6.MoveResourceStateRequest) (*tfprotov6.MoveResourceStateResponse, error) {
	var diags diag.Diagnostics
	resp := &tfprotov6.MoveResourceStateResponse{}
	defer func() { resp.Diagnostics = protocol(diags) }()

	object, err := r.moved(req)
	if err != nil {
		diags.AddError(fmt.Sprintf("Cannot move %s to %s", req.SourceTypeName, r.typeName), sentence(err))
		return resp, nil
	}
	state, err := r.whole(object)
	if err != nil {
		diags.AddError(fmt.Sprintf("Cannot move %s to %s", req.SourceTypeName, r.typeName), sentence(err))
		return resp, nil
	}
	resp.TargetIdentity = identityOf(attributesOf(state))
	resp.TargetState, err = r.wire(state)
	return resp, err
}

// moved is the object in the state to be moved, as v3alpha1.
func (r *kindResource) moved(req *tfprotov6.MoveResourceStateRequest) (*unstructured.Unstructured, error) {
	source := slices.IndexFunc(moveSources, func(s moveSource) bool { return s.from(req.SourceTypeName, req.SourceProviderAddress) })
	if source < 0 {
		return nil, fmt.Errorf("a %s of %s cannot be moved here; %s can", req.SourceTypeName, req.SourceProviderAddress, quotedSources())
	}
	var state map[string]any
	if req.SourceState == nil || json.UnmarshalCaseSensitivePreserveInts(req.SourceState.JSON, &state) != nil {
		return nil, fmt.Errorf("the state of the %s cannot be read", req.SourceTypeName)
	}
	manifest, err := decodeManifest(moveSources[source].manifest(state))
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: manifest}
	if object.GetKind() != r.kind.Name || !convert.Known(object.GetAPIVersion()) {
		return nil, fmt.Errorf("it holds a %s of %s; %s takes a %s of %s/%s or an older version",
			object.GetKind(), object.GetAPIVersion(), r.typeName, r.kind.Name, r.kind.Group, r.kind.Version)
	}
	if object.Object, err = convert.ToV3alpha1(manifest); err != nil {
		return nil, err
	}
	// The kubectl provider knows where the object is: override_namespace, or that of
	// the kubeconfig.
	if namespace, _ := state["namespace"].(string); namespace != "" {
		object.SetNamespace(namespace)
	} else if object.GetNamespace() == "" {
		object.SetNamespace(schema.DefaultNamespace)
	}
	return object, nil
}

// decodeManifest reads a manifest given as YAML, as JSON, or as a value.
func decodeManifest(value any) (map[string]any, error) {
	if text, ok := value.(string); ok && text != "" {
		body, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("its manifest cannot be read: %w", err)
		}
		value = nil
		if err := json.UnmarshalCaseSensitivePreserveInts(body, &value); err != nil {
			return nil, fmt.Errorf("its manifest cannot be read: %w", err)
		}
	}
	manifest, ok := withoutNulls(value).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("its state has no manifest; import the object instead")
	}
	return manifest, nil
}

// withoutNulls leaves out what is null, which means absent in Terraform.
func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, child := range value {
			if child != nil {
				kept[name] = withoutNulls(child)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, child := range value {
			kept[i] = withoutNulls(child)
		}
		return kept
	}
	return value
}

func quotedSources() string {
	var names []string
	for _, source := range moveSources {
		names = append(names, source.typeName+" ("+strings.Join(source.providers, ", ")+")")
	}
	return strings.Join(names, ", ")
}
