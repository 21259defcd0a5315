package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"terraform-provider-emissary/internal/kube"
)

// ApplyResourceChange creates, updates or deletes the object. Whatever fails,
// the state it returns is what is known to be in the cluster.
func (r *kindResource) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	prior, err1 := req.PriorState.Unmarshal(r.valueType)
	planned, err2 := req.PlannedState.Unmarshal(r.valueType)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("plan of %s: %w", r.typeName, err)
	}
	var diags diag.Diagnostics
	after := prior
	if o := r.begin(ctx, prior, planned, &diags); o != nil {
		after = o.run(&diags)
		o.cancel()
	}
	state, err := r.wire(after)
	resp := &tfprotov6.ApplyResourceChangeResponse{NewState: state, Private: req.PlannedPrivate, Diagnostics: protocol(diags)}
	if !after.IsNull() {
		resp.NewIdentity = identityOf(attributesOf(after))
	}
	return resp, err
}

// operation is one create, update or delete of an object, bounded by the
// resource's timeout.
type operation struct {
	ctx    context.Context
	cancel context.CancelFunc
	client *kube.Client

	prior, planned tftypes.Value
	ref            kube.Ref
	before, wanted map[string]any // the manifests of prior and planned; nil where these are null
	wait, force    *bool          // the attributes wait and force_conflicts
}

// begin reads what an operation needs. It returns nil after adding an error.
func (r *kindResource) begin(ctx context.Context, prior, planned tftypes.Value, diags *diag.Diagnostics) *operation {
	values, limit := attributesOf(planned), "update"
	switch {
	case planned.IsNull():
		values, limit = attributesOf(prior), "delete"
	case prior.IsNull():
		limit = "create"
	}
	o := &operation{prior: prior, planned: planned, ref: r.refOf(values), wait: values.toggle("wait"), force: values.toggle("force_conflicts")}
	var err1, err2, err3 error
	if !prior.IsNull() {
		o.before, err1 = r.kind.Manifest(prior)
	}
	if !planned.IsNull() {
		o.wanted, err2 = r.kind.Manifest(planned)
	}
	o.client, err3 = r.provider.data.Kube()
	if err := errors.Join(err1, err2, err3); err != nil {
		diags.AddError("Cannot manage "+o.ref.String(), sentence(err))
		return nil
	}
	if o.force == nil {
		o.force = r.provider.data.ForceConflicts
	}
	o.ctx, o.cancel = context.WithTimeout(ctx, timeout(values, limit))
	return o
}

// run does it and returns the state after it.
func (o *operation) run(diags *diag.Diagnostics) tftypes.Value {
	if o.planned.IsNull() {
		if err := o.client.Delete(o.ctx, o.ref); err != nil {
			diags.AddError("Cannot delete "+o.ref.String(), sentence(err))
			return o.prior
		}
		return o.planned
	}
	applied, err := o.client.Apply(o.ctx, o.ref, o.wanted, kube.ApplyOptions{Prior: o.before, Force: o.force})
	if err != nil {
		diags.AddError("Cannot apply "+o.ref.String(), sentence(err))
		return o.prior
	}
	if len(applied.TakenBack) > 0 {
		diags.AddWarning("Fields of "+o.ref.String()+" were taken back",
			fmt.Sprintf("They belonged to other field managers, which had changed or made them: %s. Set force_conflicts = false to get an error instead.", strings.Join(applied.TakenBack, "; ")))
	}
	// The plan as it was applied, not read back: what others fill in is none of
	// the state's business.
	state := attributesOf(o.planned)
	state["id"] = idOf(state)
	if err := o.waitServed(applied.Object.GetGeneration()); err != nil {
		diags.AddError(o.ref.String()+" is not served", sentence(err)+
			"\n\nThe object was written and is in the state. Set wait = false to not wait for the controller.")
		// The next plan shows this, although the object is what the configuration
		// says, and its apply waits again.
		state.setText("not_served", err.Error())
	}
	return tftypes.NewValue(o.planned.Type(), map[string]tftypes.Value(state))
}

// waitServed returns when Envoy serves the generation, if it is to be waited for.
func (o *operation) waitServed(generation int64) error {
	if o.wait != nil && !*o.wait {
		return nil
	}
	instances := o.client.Controllers(o.ctx, kube.AmbassadorIDs(o.wanted))
	if o.wait == nil && len(instances) == 0 && o.ctx.Err() == nil {
		return nil
	}
	tflog.Info(o.ctx, "waiting until Envoy serves "+o.ref.String(), map[string]any{"generation": generation})
	return o.client.WaitServed(o.ctx, o.ref, generation, instances)
}
