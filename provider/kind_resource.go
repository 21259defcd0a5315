package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/internal/kube"
)

const (
	defaultTimeout = 5 * time.Minute
	// readTimeout bounds a refresh, for which Terraform has no setting here.
	readTimeout = time.Minute
)

var (
	_ resource.ResourceWithConfigure      = (*kindResource)(nil)
	_ resource.ResourceWithValidateConfig = (*kindResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*kindResource)(nil)
	_ resource.ResourceWithImportState    = (*kindResource)(nil)
)

// kindResource manages objects of one kind. The same code serves all kinds.
//
// It works on Terraform's wire values rather than on Go structs, because these
// cannot hold values that are not known yet.
type kindResource struct {
	kind *kind
	data *providerData
}

func (r *kindResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.kind.TypeName()
}

func (r *kindResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := r.kind.Attributes()
	maps.Copy(attributes, map[string]rschema.Attribute{
		"id": rschema.StringAttribute{Computed: true,
			MarkdownDescription: "`namespace/name`, which is also what `terraform import` takes."},
		"wait": rschema.BoolAttribute{Optional: true,
			MarkdownDescription: "Whether create and update return only when the controller reports that Envoy serves this version of the object, and fail with the controller's reason when it does not. " +
				"Default: wait where a controller of this product that serves the object's `ambassador_id` is running."},
		"force_conflicts": rschema.BoolAttribute{Optional: true,
			MarkdownDescription: "What to do about fields that another field manager owns. `true` takes them over, `false` never does. " +
				"Default: the provider's setting; without that, take back the fields of this resource that were changed behind Terraform's back, as the plan shows, and refuse to touch any others."},
	})
	resp.Schema = rschema.Schema{
		MarkdownDescription: r.kind.Description,
		Attributes:          attributes,
		Blocks: map[string]rschema.Block{
			"timeouts": timeouts.Block(ctx, timeouts.Opts{
				Create: true, Update: true, Delete: true,
				CreateDescription: timeoutDescription("creating", "including the wait for its CRD, its namespace, and Envoy"),
				UpdateDescription: timeoutDescription("updating", "including the wait for Envoy"),
				DeleteDescription: timeoutDescription("deleting", "including the wait for finalizers"),
			}),
		},
	}
}

func timeoutDescription(verb, detail string) string {
	return fmt.Sprintf("How long %s the object may take, %s. A duration such as `30s` or `10m`. Default `5m`.", verb, detail)
}

func (r *kindResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*providerData); ok {
		r.data = data // Absent while Terraform only validates.
	}
}

func (r *kindResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	resp.Diagnostics.Append(r.kind.Validate(req.Config.Raw)...)
	if resp.Diagnostics.HasError() {
		return
	}
	values := newConfigValues(req.Config.Raw)
	for _, check := range r.kind.checks {
		resp.Diagnostics.Append(check(values)...)
	}
}

// ModifyPlan makes the id known in the plan, so that nothing that refers to it
// shows "known after apply".
func (r *kindResource) ModifyPlan(_ context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	plan := newConfigValues(req.Plan.Raw)
	namespace, ok1 := plan.text("namespace")
	name, ok2 := plan.text("name")
	if ok1 && ok2 {
		// Not by SetAttribute, which walks the whole schema: it would be a third
		// of what a plan costs.
		resp.Plan.Raw = withID(req.Plan.Raw, namespace+"/"+name)
	}
}

func (r *kindResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	a := r.begin(ctx, req.Plan.Raw, timeouts.Value.Create, req.Plan.GetAttribute, &resp.Diagnostics)
	if a == nil {
		return
	}
	defer a.cancel()
	generation := a.apply(nil, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.State.Raw = a.state()
	a.wait(generation, &resp.Diagnostics)
}

func (r *kindResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	client := r.data.RefreshClient(&resp.Diagnostics)
	if client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()

	prior, err := r.kind.Manifest(req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the state", err.Error())
		return
	}
	ref := r.refOf(prior)
	live, err := client.Get(ctx, ref)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read "+ref.String(), sentence(err))
		return
	}
	if live == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	owned, err := kube.OwnedBy(live, r.data.FieldManager)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read "+ref.String(), sentence(err))
		return
	}
	state, err := r.kind.Decode(r.kind.Project(prior, live.Object, owned), req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read "+ref.String(), sentence(err))
		return
	}
	resp.State.Raw = state
}

func (r *kindResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	a := r.begin(ctx, req.Plan.Raw, timeouts.Value.Update, req.Plan.GetAttribute, &resp.Diagnostics)
	if a == nil {
		return
	}
	defer a.cancel()
	prior, err := r.kind.Manifest(req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the state", err.Error())
		return
	}
	generation := a.apply(prior, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.State.Raw = a.state()
	a.wait(generation, &resp.Diagnostics)
}

func (r *kindResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	a := r.begin(ctx, req.State.Raw, timeouts.Value.Delete, req.State.GetAttribute, &resp.Diagnostics)
	if a == nil {
		return
	}
	defer a.cancel()
	if err := a.client.Delete(a.ctx, a.ref); err != nil {
		resp.Diagnostics.AddError("Cannot delete "+a.ref.String(), sentence(err))
	}
}

// ImportState shows every field of the object's spec; the next plan shows what
// the configuration says differently.
func (r *kindResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError("Invalid import ID",
			fmt.Sprintf("The ID %q must be namespace/name, for example default/%s.", req.ID, strings.Trim(req.ID, "/")))
		return
	}
	ref := r.kind.ref(namespace, name)
	client, err := r.data.Kube()
	if err != nil {
		resp.Diagnostics.AddError("Cannot import "+ref.String(), sentence(err))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	live, err := client.Get(ctx, ref)
	if err != nil {
		resp.Diagnostics.AddError("Cannot import "+ref.String(), sentence(err))
		return
	}
	if live == nil {
		resp.Diagnostics.AddError("Cannot import "+ref.String(), fmt.Sprintf("There is no %s on %s.", ref, client.Server()))
		return
	}
	state, err := r.kind.Decode(r.kind.Whole(live.Object), withID(nulls(resp.State.Schema.Type().TerraformType(ctx)), req.ID))
	if err != nil {
		resp.Diagnostics.AddError("Cannot import "+ref.String(), sentence(err))
		return
	}
	resp.State.Raw = state
}

func (r *kindResource) refOf(manifest map[string]any) kube.Ref {
	metadata, _ := manifest["metadata"].(map[string]any)
	namespace, _ := metadata["namespace"].(string)
	name, _ := metadata["name"].(string)
	return r.kind.ref(namespace, name)
}

// nulls is an object of the type with every attribute null.
func nulls(t tftypes.Type) tftypes.Value {
	values := map[string]tftypes.Value{}
	if object, ok := t.(tftypes.Object); ok {
		for name, attribute := range object.AttributeTypes {
			values[name] = tftypes.NewValue(attribute, nil)
		}
	}
	return tftypes.NewValue(t, values)
}

// withID is a resource's value with its id set.
func withID(resource tftypes.Value, id string) tftypes.Value {
	var values map[string]tftypes.Value
	if err := resource.As(&values); err != nil {
		return resource
	}
	values = maps.Clone(values)
	values["id"] = tftypes.NewValue(tftypes.String, id)
	return tftypes.NewValue(resource.Type(), values)
}

// attributeGetter is GetAttribute of a plan or state.
type attributeGetter func(context.Context, path.Path, any) diag.Diagnostics

// timeoutGetter is one of the methods of timeouts.Value.
type timeoutGetter func(timeouts.Value, context.Context, time.Duration) (time.Duration, diag.Diagnostics)
