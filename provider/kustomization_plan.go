package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kustomization"
)

// ValidateConfig asks for a kustomization, and for the second word before CRDs
// are deleted.
func (r *kustomizationResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config kustomizationModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if config.Path.IsNull() && config.Kustomization.IsNull() {
		resp.Diagnostics.AddError("There is no kustomization", "Set path to the folder with a kustomization.yaml, or kustomization to what such a file holds, or both.")
	}
	if config.CRDDeletionPolicy.ValueString() == string(kustomization.DeleteAll) && !config.ConfirmDataLoss.IsUnknown() && !config.ConfirmDataLoss.ValueBool() {
		resp.Diagnostics.AddAttributeError(path.Root("crd_deletion_policy"), "Deleting CRDs must be confirmed",
			"With crd_deletion_policy = \"delete\", CRDs that leave the kustomization are deleted with every object of their kinds in the whole cluster, whoever made it. "+
				"Set confirm_data_loss = true if that is wanted, or use \"retain\" or \"delete_if_empty\".")
	}
}

// ModifyPlan builds the kustomization and makes known what an apply will do to
// each object. It needs no cluster.
func (r *kustomizationResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan kustomizationModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	objects, built := plan.build(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !built {
		plan.Objects, plan.Changes = types.MapUnknown(types.StringType), types.MapUnknown(changesType)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
		return
	}
	plan.Objects, plan.Changes = summariesOf(objects), types.MapNull(changesType)
	if !req.State.Raw.IsNull() {
		var state kustomizationModel
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		if plan.Objects.Equal(state.Objects) {
			plan.Changes = state.Changes // Those of the last apply, unless refreshed.
		} else {
			plan.Changes = changesOf(kustomization.Changes(recordsIn(ctx, req.Private, &resp.Diagnostics), objects))
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// differing are the keys that do not have the same value in both.
func differing(a, b types.Map) (keys []string) {
	for key, value := range a.Elements() {
		if other, ok := b.Elements()[key]; !ok || !other.Equal(value) {
			keys = append(keys, key)
		}
	}
	for key := range b.Elements() {
		if _, ok := a.Elements()[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
