package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/provider/schema"
)

// identitySchema is what tells an object from the others of its kind. Terraform and
// OpenTofu 1.12 and later keep it beside the state and take it in import blocks.
//
// Its first version is 2, above that of kubernetes_manifest: OpenTofu leaves a moved
// resource the identity it had, and upgrades that to ours.
var identitySchema = &tfprotov6.ResourceIdentitySchema{Version: 2, IdentityAttributes: []*tfprotov6.ResourceIdentitySchemaAttribute{
	{Name: "name", Type: tftypes.String, RequiredForImport: true, Description: "Name of the object."},
	{Name: "namespace", Type: tftypes.String, OptionalForImport: true, Description: "Namespace of the object. Default: `" + schema.DefaultNamespace + "`."},
}}

// identityOf is the identity of a resource, or nil while a part of it is not
// known.
func identityOf(resource attributes) *tfprotov6.ResourceIdentityData {
	_, ok1 := resource.text("namespace")
	_, ok2 := resource.text("name")
	if !ok1 || !ok2 {
		return nil
	}
	return identityData(resource["namespace"], resource["name"])
}

func identityData(namespace, name tftypes.Value) *tfprotov6.ResourceIdentityData {
	t := identitySchema.ValueType()
	value, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value{"namespace": namespace, "name": name}))
	if err != nil {
		return nil // Two strings can always be written.
	}
	return &tfprotov6.ResourceIdentityData{IdentityData: &value}
}

// UpgradeResourceIdentity reads an identity of ours, of which there is one version, or
// that of a kubernetes_manifest, which has the same attributes among others.
func (r *kindResource) UpgradeResourceIdentity(_ context.Context, req *tfprotov6.UpgradeResourceIdentityRequest) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	value, err := req.RawIdentity.UnmarshalWithOpts(identitySchema.ValueType(), ignoreUndefined)
	if err != nil {
		return nil, fmt.Errorf("identity of %s: %w", r.typeName, err)
	}
	values := attributesOf(value)
	return &tfprotov6.UpgradeResourceIdentityResponse{UpgradedIdentity: identityData(values["namespace"], values["name"])}, nil
}

// ImportResourceState shows every field of the object's spec; the next plan shows
// what the configuration says differently.
func (r *kindResource) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	var diags diag.Diagnostics
	resp := &tfprotov6.ImportResourceStateResponse{}
	defer func() { resp.Diagnostics = protocol(diags) }()

	namespace, name, err := imported(req)
	if err != nil {
		diags.AddError("Invalid import ID", sentence(err))
		return resp, nil
	}
	ref := r.kind.ref(namespace, name)
	client, err := r.provider.data.Kube()
	if err != nil {
		diags.AddError("Cannot import "+ref.String(), sentence(err))
		return resp, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	live, err := client.Refresh(ctx, ref)
	if err != nil {
		diags.AddError("Cannot import "+ref.String(), sentence(err))
		return resp, nil
	}
	if live == nil {
		diags.AddError("Cannot import "+ref.String(), fmt.Sprintf("There is no %s on %s.", ref, client.Server()))
		return resp, nil
	}
	state, err := r.whole(live)
	if err != nil {
		diags.AddError("Cannot import "+ref.String(), sentence(err))
		return resp, nil
	}
	wire, err := r.wire(state)
	resp.ImportedResources = []*tfprotov6.ImportedResource{{TypeName: r.typeName, State: wire, Identity: identityOf(attributesOf(state))}}
	return resp, err
}

// imported is what an import names: by an ID, or in Terraform 1.12 and later by
// an identity.
func imported(req *tfprotov6.ImportResourceStateRequest) (namespace, name string, err error) {
	if req.Identity != nil && req.Identity.IdentityData != nil && req.ID == "" {
		value, err := req.Identity.IdentityData.Unmarshal(identitySchema.ValueType())
		if err != nil {
			return "", "", fmt.Errorf("the identity cannot be read: %w", err)
		}
		identity := attributesOf(value)
		namespace, ok := identity.text("namespace")
		if !ok {
			namespace = schema.DefaultNamespace
		}
		name, _ := identity.text("name")
		if namespace == "" || name == "" {
			return "", "", fmt.Errorf("the identity must have a name, and may have a namespace; neither may be empty")
		}
		return namespace, name, nil
	}
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("the ID %q must be namespace/name, for example %s/%s", req.ID, schema.DefaultNamespace, strings.Trim(req.ID, "/"))
	}
	return namespace, name, nil
}

// whole is the state of an object that no configuration describes yet.
func (r *kindResource) whole(live *unstructured.Unstructured) (tftypes.Value, error) {
	values := nulls(r.valueType)
	values.setText("id", live.GetNamespace()+"/"+live.GetName())
	return r.kind.Decode(r.kind.Whole(live.Object), tftypes.NewValue(r.valueType, map[string]tftypes.Value(values)))
}
