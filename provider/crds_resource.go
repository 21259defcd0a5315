package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/crds"
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

// The label by which kubectl finds the CRDs; the emissary-crds chart sets it, too.
const (
	partOfLabel = "app.kubernetes.io/part-of"
	partOf      = "emissary-ingress"
)

// emptyGrace is how long delete_if_empty waits for objects to go: a destroy
// deletes those of the same configuration at the same time, in no order.
const emptyGrace = 10 * time.Second

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
	DeletionPolicy  types.String   `tfsdk:"deletion_policy"`
	ConfirmDataLoss types.Bool     `tfsdk:"confirm_data_loss"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

func newCRDsResource() resource.Resource { return &crdsResource{} }

func (r *crdsResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_crds"
}

func (r *crdsResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = rschema.Schema{
		MarkdownDescription: "The custom resource definitions of `getambassador.io`, version `v3alpha1`, as embedded in the provider. " +
			"A cluster needs them once. CRDs that are there already, from `kubectl`, Helm or Argo CD, are taken over; what runs their conversion webhook keeps `spec.conversion`. " +
			"No other resource needs a `depends_on` on this one: they wait for their CRD.",
		Attributes: map[string]rschema.Attribute{
			"id": rschema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Always `" + crdsID + "`, which is also what `terraform import` takes.",
			},
			"kinds": rschema.MapAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "By kind, the versions of its CRD and a hash of what they say, such as `v3alpha1 sha256:0f7a1c2b3d4e`. " +
					"A change in the plan means that a CRD in the cluster differs from the provider's.",
			},
			"deletion_policy": rschema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(retainCRDs),
				Validators: []validator.String{stringvalidator.OneOf(retainCRDs, deleteCRDsIfEmpty, deleteCRDs)},
				MarkdownDescription: "What a destroy does with the CRDs. `retain` leaves them in the cluster and says so. " +
					"`delete_if_empty` deletes them unless there are objects of their kinds in any namespace. " +
					"`delete` deletes them and with them every Host, Mapping and other object of their kinds in the whole cluster, whoever made it; it needs `confirm_data_loss`. " +
					"Terraform destroys by what was applied last: apply a change of this attribute before the destroy. Default `retain`.",
			},
			"confirm_data_loss": rschema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Must be `true` for `deletion_policy = \"delete\"`. Has no effect otherwise.",
			},
		},
		Blocks: map[string]rschema.Block{
			"timeouts": timeouts.Block(ctx, timeouts.Opts{
				Create: true, Update: true, Delete: true,
				CreateDescription: "How long creating the CRDs may take, until the API server serves them. A duration such as `30s` or `10m`. Default `5m`.",
				UpdateDescription: "How long updating the CRDs may take, until the API server serves them. A duration such as `30s` or `10m`. Default `5m`.",
				DeleteDescription: "How long deleting the CRDs may take, including every object of their kinds. A duration such as `30s` or `10m`. Default `5m`.",
			}),
		},
	}
}

func (r *crdsResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*providerData); ok {
		r.data = data // Absent while Terraform only validates.
	}
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

// ModifyPlan makes the id and the summary known in the plan: both follow from
// what is embedded in the provider.
func (r *crdsResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), crdsID)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("kinds"), summaries(crds.Definitions()))...)
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
	if r.apply(ctx, plan.Timeouts.Create, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	}
}

func (r *crdsResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan crdsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.apply(ctx, plan.Timeouts.Update, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	}
}

// apply writes every CRD and reports whether all of them are served.
func (r *crdsResource) apply(ctx context.Context, timeout timeoutOf, diags *diag.Diagnostics) bool {
	client, ctx, cancel := r.begin(ctx, timeout, diags)
	if client == nil {
		return false
	}
	defer cancel()
	if err := client.ApplyCRDs(ctx, labelled(crds.Definitions())); err != nil {
		diags.AddError("Cannot install the CRDs", sentence(err))
		return false
	}
	return true
}

// Read shows the CRDs that are there by their summaries: a missing or changed
// one differs from the plan's and is repaired by the next apply.
func (r *crdsResource) Read(ctx context.Context, _ resource.ReadRequest, resp *resource.ReadResponse) {
	client := r.data.RefreshClient(&resp.Diagnostics)
	if client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	found, err := client.GetCRDs(ctx, crdNames())
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the CRDs", sentence(err))
		return
	}
	found = slices.DeleteFunc(found, func(crd *kube.CRD) bool { return crd.DeletionTimestamp != nil })
	if len(found) == 0 {
		resp.State.RemoveResource(ctx)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("kinds"), summaries(found))...)
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
		left, err := waitEmpty(ctx, client)
		if err != nil {
			resp.Diagnostics.AddError("Cannot tell whether the CRDs are still in use", sentence(err))
			return
		}
		if len(left) > 0 {
			warnOfRetained(&resp.Diagnostics, "deletion_policy is \""+deleteCRDsIfEmpty+"\", and there still are objects of their kinds, such as "+strings.Join(left, ", ")+".")
			return
		}
	}
	if err := client.DeleteCRDs(ctx, crdNames()); err != nil {
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

func crdNames() []string {
	var names []string
	for _, definition := range crds.Definitions() {
		names = append(names, definition.Name)
	}
	return names
}

// summaries returns the attribute kinds for the given CRDs.
func summaries(definitions []*kube.CRD) map[string]string {
	kinds := map[string]string{}
	for _, crd := range definitions {
		kinds[crd.Spec.Names.Kind] = crds.Summary(crd)
	}
	return kinds
}

// labelled returns copies of the CRDs with the label by which kubectl
// finds them all.
func labelled(definitions []*kube.CRD) []*kube.CRD {
	copies := make([]*kube.CRD, 0, len(definitions))
	for _, definition := range definitions {
		definition = definition.DeepCopy()
		definition.Labels = map[string]string{partOfLabel: partOf}
		copies = append(copies, definition)
	}
	return copies
}

// waitEmpty waits for the objects of all kinds to go, as long as at least one
// kind gets rid of its last object in every emptyGrace, and returns one object
// of each kind that is left.
func waitEmpty(ctx context.Context, client *kube.Client) (left []string, err error) {
	waiting := slices.Clone(crds.Definitions())
	until := time.Now().Add(emptyGrace)
	for {
		var still []*kube.CRD
		left = nil
		for _, definition := range waiting {
			name, err := client.AnyObject(ctx, definition)
			if err != nil {
				return nil, err
			}
			if name != "" {
				still = append(still, definition)
				left = append(left, definition.Spec.Names.Kind+" "+name)
			}
		}
		if len(still) < len(waiting) {
			waiting, until = still, time.Now().Add(emptyGrace)
		}
		if len(left) == 0 || time.Now().After(until) {
			return left, nil
		}
		select {
		case <-ctx.Done():
			return left, nil
		case <-time.After(time.Second):
		}
	}
}

func warnOfRetained(diags *diag.Diagnostics, why string) {
	diags.AddWarning("The CRDs were left in the cluster", why+
		" Nothing runs in them, and the objects of their kinds are kept. To remove both:\n\n  kubectl delete crd -l "+partOfLabel+"="+partOf)
}
