package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kustomization"
)

// defaultKustomizationTimeout leaves time for images to be pulled.
const defaultKustomizationTimeout = 10 * time.Minute

var (
	_ resource.ResourceWithConfigure      = (*kustomizationResource)(nil)
	_ resource.ResourceWithValidateConfig = (*kustomizationResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*kustomizationResource)(nil)
	_ resource.ResourceWithImportState    = (*kustomizationResource)(nil)
)

// kustomizationResource manages the objects of a kustomization.
type kustomizationResource struct {
	data *providerData
}

func newKustomizationResource() resource.Resource { return &kustomizationResource{} }

func (r *kustomizationResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_kustomization"
}

func (r *kustomizationResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = kustomizationSchema(ctx)
}

func (r *kustomizationResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

func (r *kustomizationResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan kustomizationModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	records := r.apply(ctx, &plan, kustomization.Records{}, plan.Timeouts.Create, taintAdvice, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		// Terraform destroys what is in the state after a failed creation before it
		// tries again. What was there before is none of that: it is taken over again.
		if records = records.Made(); len(records) == 0 {
			return
		}
	}
	keepRecords(ctx, resp.Private, records, &resp.Diagnostics)
	plan.Objects = recordedSummaries(records)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// taintAdvice is what Terraform does not say itself.
const taintAdvice = "\n\nThe objects that were made are in the state. Terraform marks a resource whose creation failed as tainted: its next apply deletes them and makes them again, " +
	"unless `terraform untaint` is run on the resource first. Objects that were there before are not deleted."

func (r *kustomizationResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior kustomizationModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	records := recordsIn(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Objects.Equal(prior.Objects) { // Else only how it is applied has changed.
		records = r.apply(ctx, &plan, records, plan.Timeouts.Update, "", &resp.Diagnostics)
		keepRecords(ctx, resp.Private, records, &resp.Diagnostics)
		plan.Objects = recordedSummaries(records)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// apply brings the cluster to what the plan says and returns what is there then,
// also after an error.
func (r *kustomizationResource) apply(ctx context.Context, plan *kustomizationModel, known kustomization.Records, timeout timeoutOf, advice string, diags *diag.Diagnostics) kustomization.Records {
	objects, ok := plan.build(ctx, diags)
	if !ok {
		return known
	}
	if summaries := summariesOf(objects); !plan.Objects.IsUnknown() && !plan.Objects.Equal(summaries) {
		diags.AddAttributeError(path.Root("path"), "The kustomization has changed since the plan",
			"Other files are there now than when the plan was made: "+strings.Join(differing(plan.Objects, summaries), ", ")+". Plan again.")
		return known
	}
	if plan.Changes.IsUnknown() {
		plan.Changes = types.MapNull(changesType)
	}
	cluster, ctx, cancel := r.begin(ctx, plan, timeout, diags)
	if cluster == nil {
		return known
	}
	defer cancel()
	outcome := cluster.Apply(ctx, objects, known)
	report(outcome, advice, diags)
	return outcome.Records
}

// Read shows objects that are gone, and those that others have changed.
func (r *kustomizationResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	known := recordsIn(ctx, req.Private, &resp.Diagnostics)
	client := r.data.RefreshClient(&resp.Diagnostics)
	if client == nil || resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	records, err := kustomization.Cluster{Client: client}.Refresh(ctx, known)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the objects of the kustomization", sentence(err)+".")
		return
	}
	if len(records) == 0 && len(known) > 0 {
		resp.State.RemoveResource(ctx)
		return
	}
	keepRecords(ctx, resp.Private, records, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("objects"), recordedSummaries(records))...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("changes"), types.MapNull(changesType))...)
}

func (r *kustomizationResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state kustomizationModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	known := recordsIn(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	cluster, ctx, cancel := r.begin(ctx, &state, state.Timeouts.Delete, &resp.Diagnostics)
	if cluster == nil {
		return
	}
	defer cancel()
	outcome := cluster.Delete(ctx, known)
	report(outcome, "", &resp.Diagnostics)
	if len(outcome.Failures) > 0 {
		keepRecords(ctx, resp.Private, outcome.Records, &resp.Diagnostics)
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("objects"), recordedSummaries(outcome.Records))...)
	}
}

// ImportState adopts those objects of the kustomization in a folder that are in
// the cluster. Nothing is written: the plan after it shows what an apply would
// change.
func (r *kustomizationResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	state := kustomizationSource{Path: types.StringValue(req.ID)}
	objects, ok := state.build(ctx, &resp.Diagnostics)
	if !ok {
		return
	}
	client, err := r.data.Kube()
	if err != nil {
		resp.Diagnostics.AddError("Cannot import the kustomization", sentence(err)+".")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	records, err := kustomization.Cluster{Client: client}.Adopt(ctx, objects)
	if err != nil {
		resp.Diagnostics.AddError("Cannot import the kustomization", sentence(err)+".")
		return
	}
	if len(records) == 0 {
		resp.Diagnostics.AddError("There is nothing to import", fmt.Sprintf("None of the %d objects of the kustomization in %s is in the cluster: create the resource instead.", len(objects), req.ID))
		return
	}
	keepRecords(ctx, resp.Private, records, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("path"), req.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("crd_deletion_policy"), string(kustomization.Retain))...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("objects"), recordedSummaries(records))...)
}

// begin returns the cluster and a context that ends with the timeout; a nil
// cluster after adding an error.
func (r *kustomizationResource) begin(ctx context.Context, model *kustomizationModel, timeout timeoutOf, diags *diag.Diagnostics) (*kustomization.Cluster, context.Context, context.CancelFunc) {
	limit, more := timeout(ctx, defaultKustomizationTimeout)
	diags.Append(more...)
	client, err := r.data.Kube()
	if err != nil {
		diags.AddError("Cannot manage the kustomization", sentence(err)+".")
	}
	if diags.HasError() {
		return nil, ctx, func() {}
	}
	cluster := &kustomization.Cluster{
		Client:   client,
		Force:    model.ForceConflicts.ValueBoolPointer(),
		Wait:     model.Wait.ValueBoolPointer(),
		Recreate: model.RecreateImmutable.ValueBool(),
		CRDs:     kustomization.DeletionPolicy(model.CRDDeletionPolicy.ValueString()),
	}
	if cluster.Force == nil {
		cluster.Force = r.data.ForceConflicts
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return cluster, ctx, cancel
}
