package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

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
	r.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

func (r *releaseResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("values_wo"), &plan.ValuesWO)...)
	if !resp.Diagnostics.HasError() {
		r.apply(ctx, &plan, nil, plan.Timeouts.Create, &resp.State, resp.Private, &resp.Diagnostics)
	}
}

func (r *releaseResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("values_wo"), &plan.ValuesWO)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Revision.IsUnknown() {
		// Only how the release is applied has changed: see ModifyPlan.
		plan.ValuesWO = types.DynamicNull()
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		return
	}
	r.apply(ctx, &plan, &prior, plan.Timeouts.Update, &resp.State, resp.Private, &resp.Diagnostics)
}

// apply makes the release what the plan says. The state then is the plan; after
// a failure it is what was there before, where there was anything, with what the
// cluster says now, so that the next plan shows the change again.
func (r *releaseResource) apply(ctx context.Context, plan, prior *releaseModel, timeout timeoutOf, state *tfsdk.State, private privateData, diags *diag.Diagnostics) {
	client, ctx, cancel := r.begin(ctx, plan.ref(), timeout, diags)
	if client == nil {
		return
	}
	defer cancel()
	content := plan.content(ctx, plan.ValuesWO, diags)
	plan.ValuesWO = types.DynamicNull()
	loaded := plan.load(ctx, diags)
	if diags.HasError() {
		return
	}
	// A chart from a repository was not there to be checked against before.
	if content.check(loaded, diags); diags.HasError() {
		return
	}
	plan.describeChart(loaded)
	info, err := client.Apply(ctx, plan.spec(loaded, content))
	if err != nil {
		diags.AddError("Cannot apply the release "+plan.ref().String(), content.redact(sentence(err)))
	}
	if info == nil {
		return // Nothing was changed.
	}
	result := plan
	if err != nil && prior != nil {
		result = prior
	}
	result.describe(info)
	result.Drift = noDrift
	diags.Append(rememberWriteOnly(ctx, private, content, err != nil)...)
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
	observed, err := release.New(connection, helmLog(ctx)).Observe(ctx, state.ref())
	if errors.Is(err, release.ErrNotFound) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the release "+state.ref().String(), sentence(err))
		return
	}
	writeOnly, diags := writeOnlyPaths(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	modified := state.differs(ctx, observed.Info, writeOnly, &resp.Diagnostics)
	state.describe(observed.Info)
	state.describeDrift(ctx, observed, writeOnly, &resp.Diagnostics)
	if modified && observed.Status == release.StatusDeployed {
		state.Status = stringOrNull(statusModified)
	}
	state.ChartVersion, state.AppVersion = stringOrNull(observed.ChartVersion), stringOrNull(observed.AppVersion)
	if state.ChartDigest.IsNull() {
		state.ChartDigest = stringOrNull(observed.ChartDigest)
	}
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
	return release.New(connection, helmLog(ctx)), ctx, cancel
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
