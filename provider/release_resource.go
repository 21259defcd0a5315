package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/internal/release"
)

var (
	_ resource.ResourceWithConfigure      = (*releaseResource)(nil)
	_ resource.ResourceWithValidateConfig = (*releaseResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*releaseResource)(nil)
	_ resource.ResourceWithImportState    = (*releaseResource)(nil)
)

// releaseResource manages a Helm release.
type releaseResource struct {
	data *providerData
}

func newReleaseResource() resource.Resource { return &releaseResource{} }

func (r *releaseResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_release"
}

func (r *releaseResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = releaseSchema(ctx)
}

func (r *releaseResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*providerData); ok {
		r.data = data // Absent while Terraform only validates.
	}
}

func (r *releaseResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !resp.Diagnostics.HasError() {
		r.apply(ctx, &plan, nil, plan.Timeouts.Create, &resp.State, &resp.Diagnostics)
	}
}

func (r *releaseResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Revision.IsUnknown() {
		// Only how the release is applied has changed: see ModifyPlan.
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		return
	}
	r.apply(ctx, &plan, &prior, plan.Timeouts.Update, &resp.State, &resp.Diagnostics)
}

// apply makes the release what the plan says. The state then is the plan; after
// a failure it is what was there before, where there was anything, with what the
// cluster says now, so that the next plan shows the change again.
func (r *releaseResource) apply(ctx context.Context, plan, prior *releaseModel, timeout timeoutOf, state *tfsdk.State, diags *diag.Diagnostics) {
	client, ctx, cancel := r.begin(ctx, plan.ref(), timeout, diags)
	if client == nil {
		return
	}
	defer cancel()
	values, _ := plan.chartValues(ctx, diags)
	source, _ := plan.source()
	loaded, err := source.Load(ctx)
	if err != nil {
		diags.AddAttributeError(path.Root("chart"), "Cannot load the chart", sentence(err)+".")
	}
	if diags.HasError() {
		return
	}
	info, err := client.Apply(ctx, plan.spec(loaded, values))
	if err != nil {
		diags.AddError("Cannot apply the release "+plan.ref().String(), plan.redact(ctx, sentence(err)))
	}
	if info == nil {
		return // Nothing was changed.
	}
	result := plan
	if err != nil && prior != nil {
		result = prior
	} else {
		result.describeChart(loaded)
	}
	result.describe(info)
	diags.Append(state.Set(ctx, result)...)
}

// Read shows a release that failed, was changed by someone else or is gone.
func (r *releaseResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state releaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	connection := r.data.RefreshClient(&resp.Diagnostics)
	if connection == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	info, err := release.New(connection.RESTConfig(), helmLog(ctx)).Get(ctx, state.ref())
	if errors.Is(err, release.ErrNotFound) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the release "+state.ref().String(), sentence(err))
		return
	}
	modified := state.differs(ctx, info, &resp.Diagnostics)
	state.describe(info)
	if modified && info.Status == release.StatusDeployed {
		state.Status = stringOrNull(statusModified)
	}
	state.ChartVersion, state.AppVersion = stringOrNull(info.ChartVersion), stringOrNull(info.AppVersion)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *releaseResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state releaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	client, ctx, cancel := r.begin(ctx, state.ref(), state.Timeouts.Delete, &resp.Diagnostics)
	if client == nil {
		return
	}
	defer cancel()
	kept, err := client.Delete(ctx, state.ref(), release.DeleteOptions{
		DisableHooks: state.DisableHooks.ValueBool(),
		Namespace:    state.CreateNamespace.ValueBool(),
	})
	if err != nil {
		resp.Diagnostics.AddError("Cannot uninstall the release "+state.ref().String(), sentence(err))
		return
	}
	if len(kept) > 0 {
		resp.Diagnostics.AddWarning("Not everything of the release "+state.ref().String()+" was deleted",
			"What stays in the cluster:\n  - "+strings.Join(kept, "\n  - "))
	}
}

// ImportState adopts a release by namespace/name. Its values are not read into
// the state, where they could show secrets: the next plan says what the
// configuration gives, and the apply makes it so.
func (r *releaseResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError("Invalid import ID",
			fmt.Sprintf("The ID %q must be namespace/name, for example emissary/%s.", req.ID, strings.Trim(req.ID, "/")))
		return
	}
	connection, err := r.data.Kube()
	if err != nil {
		resp.Diagnostics.AddError("Cannot import the release "+req.ID, sentence(err))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	info, err := release.New(connection.RESTConfig(), helmLog(ctx)).Get(ctx, release.Ref{Namespace: namespace, Name: name})
	if errors.Is(err, release.ErrNotFound) {
		err = fmt.Errorf("there is no release %s on %s", req.ID, connection.Server())
	}
	if err != nil {
		resp.Diagnostics.AddError("Cannot import the release "+req.ID, sentence(err))
		return
	}
	imported := map[string]any{
		"id": req.ID, "namespace": namespace, "name": name,
		"create_namespace": true, "wait": true, "wait_for_jobs": false, "atomic": false,
		"skip_crds": false, "take_ownership": false, "disable_hooks": false, "max_history": int64(defaultMaxHistory),
	}
	if slices.Contains(charts.Names(), info.ChartName) && info.ChartName != charts.Ingress {
		imported["chart"] = info.ChartName
	}
	for attribute, value := range imported {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// begin returns a client and a context that ends with the timeout; a nil client
// after adding an error.
func (r *releaseResource) begin(ctx context.Context, ref release.Ref, timeout timeoutOf, diags *diag.Diagnostics) (*release.Client, context.Context, context.CancelFunc) {
	limit, more := timeout(ctx, defaultReleaseTimeout)
	diags.Append(more...)
	connection, err := r.data.Kube()
	if err != nil {
		diags.AddError("Cannot manage the release "+ref.String(), sentence(err))
	}
	if diags.HasError() {
		return nil, ctx, func() {}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &timeoutError{limit})
	return release.New(connection.RESTConfig(), helmLog(ctx)), ctx, cancel
}

// timeoutError is why a context ended that a timeouts block bounds.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("it took longer than %s", e.limit) }

// Is makes it a context.DeadlineExceeded.
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// helmLog carries Helm's debug messages to Terraform's log.
func helmLog(ctx context.Context) func(string, ...any) {
	return func(format string, arguments ...any) { tflog.Debug(ctx, "helm: "+fmt.Sprintf(format, arguments...)) }
}
