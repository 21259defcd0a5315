package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/crd"
	"terraform-provider-emissary/internal/kube"
)

// crdsID is the only id there is: a cluster has these CRDs once.
const crdsID = "getambassador.io"

// What a destroy does with the CRDs.
const (
	retainCRDs        = "retain"
	deleteCRDsIfEmpty = "delete_if_empty"
	deleteCRDs        = "delete"
)

var (
	_ resource.ResourceWithConfigure      = (*crdsResource)(nil)
	_ resource.ResourceWithValidateConfig = (*crdsResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*crdsResource)(nil)
	_ resource.ResourceWithImportState    = (*crdsResource)(nil)
)

// crdsResource manages the CRDs that are embedded in the provider.
type crdsResource struct {
	data *providerData
}

type crdsModel struct {
	ID              types.String   `tfsdk:"id"`
	Kinds           types.Map      `tfsdk:"kinds"`
	Changes         types.List     `tfsdk:"changes"`
	TakeOwnership   types.Bool     `tfsdk:"take_ownership"`
	AllowNarrowing  types.Bool     `tfsdk:"allow_narrowing"`
	DeletionPolicy  types.String   `tfsdk:"deletion_policy"`
	ConfirmDataLoss types.Bool     `tfsdk:"confirm_data_loss"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

func (m crdsModel) options() crd.Options {
	return crd.Options{
		TakeOwnership:   m.TakeOwnership.ValueBool(),
		AllowNarrowing:  m.AllowNarrowing.ValueBool(),
		ConfirmDataLoss: m.ConfirmDataLoss.ValueBool(),
	}
}

func newCRDsResource() resource.Resource { return &crdsResource{} }

func (r *crdsResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_crds"
}

func (r *crdsResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = crdsSchema(ctx)
}

func (r *crdsResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

func (r *crdsResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config crdsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || config.DeletionPolicy.ValueString() != deleteCRDs || config.ConfirmDataLoss.IsUnknown() {
		return
	}
	if !config.ConfirmDataLoss.ValueBool() {
		resp.Diagnostics.AddAttributeError(path.Root("deletion_policy"), "Deleting the CRDs must be confirmed",
			"With deletion_policy = \"delete\", a destroy deletes every Host, Mapping and other getambassador.io object in the whole cluster, whoever made it. "+
				"Set confirm_data_loss = true if that is wanted, or use \"retain\" or \"delete_if_empty\".")
	}
}

// ModifyPlan makes the id and the kinds known in the plan, for they follow from
// what is embedded in the provider, and says what will change in the cluster as
// far as the last read knows.
func (r *crdsResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state crdsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	plan.ID = types.StringValue(crdsID)
	plan.Kinds = stringMap(summaries(crds.Definitions()))
	plan.Changes = types.ListUnknown(types.StringType)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		pending := pendingOf(ctx, req.Private, &resp.Diagnostics)
		switch {
		case pending != nil && len(pending.Changes) > 0:
			plan.Changes = stringList(pending.Changes)
			if err := pending.refusal(plan); err != nil {
				resp.Diagnostics.AddError("Cannot change the CRDs", sentence(err)+".")
			}
		case pending != nil || plan.Kinds.Equal(state.Kinds):
			plan.Changes = state.Changes
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

func (r *crdsResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan crdsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// After an error nothing goes into the state, although some of the CRDs may
	// be there: Terraform would taint the resource and destroy it first. The
	// next apply takes over what is there.
	if r.apply(ctx, &plan, plan.Timeouts.Create, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		resp.Diagnostics.Append(setPending(ctx, resp.Private, &crd.Survey{})...)
	}
}

func (r *crdsResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan crdsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.apply(ctx, &plan, plan.Timeouts.Update, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		resp.Diagnostics.Append(setPending(ctx, resp.Private, &crd.Survey{})...)
	}
}

// apply writes every CRD and reports whether all of them are served.
func (r *crdsResource) apply(ctx context.Context, plan *crdsModel, timeout timeoutOf, diags *diag.Diagnostics) bool {
	client, ctx, cancel := r.begin(ctx, timeout, diags)
	if client == nil {
		return false
	}
	defer cancel()
	changes, err := crd.Install(ctx, client, plan.options())
	if err != nil {
		diags.AddError("Cannot install the CRDs", sentence(err))
		return false
	}
	if plan.Changes.IsUnknown() {
		plan.Changes = stringList(changes)
	}
	return true
}

// Read shows the CRDs that are there by their summaries: a missing or changed
// one differs from the plan's and is repaired by the next apply.
func (r *crdsResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	client := r.data.RefreshClient(&resp.Diagnostics)
	if client == nil {
		return
	}
	var state crdsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	survey, err := crd.Look(ctx, client)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the CRDs", sentence(err))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if len(survey.Live) == 0 {
		resp.State.RemoveResource(ctx)
		return
	}
	state.Kinds = stringMap(summaries(survey.Live))
	if len(survey.Changes) > 0 || state.Changes.IsNull() {
		state.Changes = stringList(nil) // Makes room for what the plan will show.
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	resp.Diagnostics.Append(setPending(ctx, resp.Private, survey)...)
}

func (r *crdsResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state crdsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	policy := state.DeletionPolicy.ValueString()
	if policy != deleteCRDs && policy != deleteCRDsIfEmpty {
		warnOfRetained(&resp.Diagnostics, "deletion_policy is \""+retainCRDs+"\".")
		return
	}
	client, ctx, cancel := r.begin(ctx, state.Timeouts.Delete, &resp.Diagnostics)
	if client == nil {
		return
	}
	defer cancel()
	if policy == deleteCRDsIfEmpty {
		left, err := crd.WaitEmpty(ctx, client)
		if err != nil {
			resp.Diagnostics.AddError("Cannot tell whether the CRDs are still in use", sentence(err))
			return
		}
		if len(left) > 0 {
			warnOfRetained(&resp.Diagnostics, "deletion_policy is \""+deleteCRDsIfEmpty+"\", and there still are objects of their kinds, such as "+strings.Join(left, ", ")+".")
			return
		}
	}
	if err := client.DeleteCRDs(ctx, crd.Names()); err != nil {
		resp.Diagnostics.AddError("Cannot delete the CRDs", sentence(err))
	}
}

// ImportState adopts the CRDs of a cluster. Read fills in what is there.
func (r *crdsResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if req.ID != crdsID {
		resp.Diagnostics.AddError("Invalid import ID", fmt.Sprintf("The ID %q must be %s: a cluster has these CRDs once.", req.ID, crdsID))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), crdsID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("deletion_policy"), retainCRDs)...)
}

// timeoutOf is one of the limits in a timeouts block.
type timeoutOf func(context.Context, time.Duration) (time.Duration, diag.Diagnostics)

// begin returns a client and a context that ends with the timeout; a nil client
// after adding an error.
func (r *crdsResource) begin(ctx context.Context, timeout timeoutOf, diags *diag.Diagnostics) (*kube.Client, context.Context, context.CancelFunc) {
	limit, more := timeout(ctx, defaultTimeout)
	diags.Append(more...)
	client, err := r.data.Kube()
	if err != nil {
		diags.AddError("Cannot manage the CRDs", sentence(err))
	}
	if diags.HasError() {
		return nil, ctx, func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return client, ctx, cancel
}

// summaries returns the attribute kinds for the given CRDs.
func summaries(definitions []*kube.CRD) map[string]string {
	kinds := map[string]string{}
	for _, crd := range definitions {
		kinds[crd.Spec.Names.Kind] = crds.Summary(crd)
	}
	return kinds
}

func warnOfRetained(diags *diag.Diagnostics, why string) {
	diags.AddWarning("The CRDs were left in the cluster", why+
		" Nothing runs in them, and the objects of their kinds are kept. To remove both:\n\n  kubectl delete crd -l "+crd.PartOfLabel+"="+crd.PartOf)
}
