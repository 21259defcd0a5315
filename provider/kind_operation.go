package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"terraform-provider-emissary/internal/kube"
)

// operation is one create, update or delete of an object, bounded by the
// resource's timeout.
type operation struct {
	ctx    context.Context
	cancel context.CancelFunc
	client *kube.Client

	resource tftypes.Value
	manifest map[string]any
	ref      kube.Ref
	wanted   *bool // the attribute wait
	force    *bool
}

// begin reads what an operation needs. It returns nil after adding an error.
func (r *kindResource) begin(ctx context.Context, value tftypes.Value, timeout timeoutGetter, get attributeGetter, diags *diag.Diagnostics) *operation {
	manifest, err := r.kind.Manifest(value)
	if err != nil {
		diags.AddError("Cannot read the plan", err.Error())
		return nil
	}
	o := &operation{resource: value, manifest: manifest, ref: r.refOf(manifest)}
	if o.client, err = r.data.Kube(); err != nil {
		diags.AddError("Cannot manage "+o.ref.String(), sentence(err))
		return nil
	}
	var limits timeouts.Value
	var wanted, force types.Bool
	diags.Append(get(ctx, path.Root("timeouts"), &limits)...)
	diags.Append(get(ctx, path.Root("wait"), &wanted)...)
	diags.Append(get(ctx, path.Root("force_conflicts"), &force)...)
	limit, more := timeout(limits, ctx, defaultTimeout)
	diags.Append(more...)
	if diags.HasError() {
		return nil
	}
	o.wanted, o.force = wanted.ValueBoolPointer(), force.ValueBoolPointer()
	if o.force == nil {
		o.force = r.data.ForceConflicts
	}
	o.ctx, o.cancel = context.WithTimeout(ctx, limit)
	return o
}

// apply writes the object and returns the generation to wait for. Prior is the
// manifest of the state, nil on create.
func (o *operation) apply(prior map[string]any, diags *diag.Diagnostics) (generation int64) {
	applied, err := o.client.Apply(o.ctx, o.ref, o.manifest, kube.ApplyOptions{Prior: prior, Force: o.force})
	if err != nil {
		diags.AddError("Cannot apply "+o.ref.String(), sentence(err))
		return 0
	}
	if len(applied.TakenBack) > 0 {
		diags.AddWarning("Fields of "+o.ref.String()+" were taken back",
			fmt.Sprintf("They had been changed outside Terraform: %s. Set force_conflicts = false to get an error instead.", strings.Join(applied.TakenBack, "; ")))
	}
	return applied.Object.GetGeneration()
}

// state is the plan as it was applied. It is not read back: what others fill in
// is none of the state's business.
func (o *operation) state() tftypes.Value {
	return withID(o.resource, o.ref.Namespace+"/"+o.ref.Name)
}

// wait returns when Envoy serves the generation, if it is to be waited for.
func (o *operation) wait(generation int64, diags *diag.Diagnostics) {
	if o.wanted != nil && !*o.wanted {
		return
	}
	instances := o.client.Controllers(o.ctx, o.ambassadorIDs())
	if o.wanted == nil && len(instances) == 0 {
		return
	}
	tflog.Info(o.ctx, "waiting until Envoy serves "+o.ref.String(), map[string]any{"generation": generation})
	if err := o.client.WaitServed(o.ctx, o.ref, generation, instances); err != nil {
		diags.AddError(o.ref.String()+" is not served", sentence(err)+
			"\n\nThe object was written and is in the state. Set wait = false to not wait for the controller.")
	}
}

func (o *operation) ambassadorIDs() []string {
	spec, _ := o.manifest["spec"].(map[string]any)
	list, _ := spec["ambassador_id"].([]any)
	if len(list) == 0 {
		return []string{"default"}
	}
	var ids []string
	for _, id := range list {
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}
