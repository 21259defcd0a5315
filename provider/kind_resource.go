package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/internal/kube"
	"terraform-provider-emissary/provider/schema"
)

const (
	defaultTimeout = 5 * time.Minute
	// readTimeout bounds a refresh, for which Terraform has no setting here.
	readTimeout = time.Minute
)

var _ tfprotov6.ResourceServer = (*kindResource)(nil)

// kindResource manages objects of one kind. The same code serves all kinds.
//
// It works on Terraform's wire values rather than on Go structs, because these
// cannot hold values that are not known yet.
type kindResource struct {
	kind     *kind
	provider *emissaryProvider

	typeName string
	schema   *tfprotov6.Schema
	// valueType is the schema's: what configuration, plan and state are read as.
	valueType tftypes.Object
}

func newKindResource(k *kind, p *emissaryProvider) *kindResource {
	r := &kindResource{kind: k, provider: p, typeName: TypeName + "_" + k.TypeName(), schema: resourceSchema(k)}
	r.valueType, _ = r.schema.ValueType().(tftypes.Object)
	return r
}

func resourceSchema(k *kind) *tfprotov6.Schema {
	own := []*tfprotov6.SchemaAttribute{
		{Name: "id", Type: tftypes.String, Computed: true,
			Description: "`namespace/name`, which is also what `terraform import` takes."},
		{Name: "wait", Type: tftypes.Bool, Optional: true,
			Description: "Whether create and update return only when the controller reports that Envoy serves this version of the object, and fail with the controller's reason when it does not. " +
				"Default: wait where a controller of this product that serves the object's `ambassador_id` is running."},
		{Name: "not_served", Type: tftypes.String, Computed: true,
			Description: "Why the last apply failed after it had written the object: Envoy did not serve it in time. " +
				"While that is so, each plan shows an update that waits again. Null otherwise."},
		{Name: "force_conflicts", Type: tftypes.Bool, Optional: true,
			Description: "What to do about fields that another field manager owns. `true` takes them over, `false` never does. " +
				"Default: the provider's setting; without that, take back the fields of this resource that were changed behind Terraform's back, as the plan shows, and refuse to touch any others."},
	}
	for _, attribute := range own {
		attribute.DescriptionKind = tfprotov6.StringKindMarkdown
	}
	return &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{
		Description:     k.Description,
		DescriptionKind: tfprotov6.StringKindMarkdown,
		Attributes:      append(own, k.Attributes()...),
		BlockTypes:      []*tfprotov6.SchemaNestedBlock{timeoutsBlock},
	}}
}

func (r *kindResource) ValidateResourceConfig(_ context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	config, err := req.Config.Unmarshal(r.valueType)
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", r.typeName, err)
	}
	diags := r.kind.validate(config)
	diags.Append(checkTimeouts(attributesOf(config))...)
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: protocol(diags)}, nil
}

// UpgradeResourceState reads the state. There is only one version of it so far,
// but attributes may have been added since it was written, or, after a
// downgrade, not exist yet.
func (r *kindResource) UpgradeResourceState(_ context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	state, err := req.RawState.UnmarshalWithOpts(r.valueType, ignoreUndefined)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", r.typeName, err)
	}
	wire, err := r.wire(state)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: wire}, err
}

// PlanResourceChange says what apply will make of the configuration, without a
// look at the cluster. All of it is known, so that nothing that refers to the
// resource shows "known after apply".
func (r *kindResource) PlanResourceChange(_ context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp := &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: req.PriorIdentity}
	if destroy, err := req.ProposedNewState.IsNull(); destroy || err != nil {
		return resp, err
	}
	prior, err1 := req.PriorState.Unmarshal(r.valueType)
	proposed, err2 := req.ProposedNewState.Unmarshal(r.valueType)
	config, err3 := req.Config.Unmarshal(r.valueType)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("plan of %s: %w", r.typeName, err)
	}

	planned := attributesOf(proposed)
	// Terraform proposes to keep what an earlier configuration set.
	if !attributesOf(config).isSet("namespace") {
		planned.setText("namespace", schema.DefaultNamespace)
	}
	planned["id"] = idOf(planned)
	planned["not_served"] = tftypes.NewValue(tftypes.String, nil)
	resp.PlannedIdentity = identityOf(planned)
	if !prior.IsNull() {
		before := attributesOf(prior)
		// That of an object never changes; the one that replaces it is planned anew.
		resp.PlannedIdentity = identityOf(before)
		for _, name := range []string{"name", "namespace"} {
			if !planned[name].Equal(before[name]) {
				resp.RequiresReplace = append(resp.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
			}
		}
	}
	var err error
	resp.PlannedState, err = r.wire(tftypes.NewValue(r.valueType, map[string]tftypes.Value(planned)))
	return resp, err
}

// ReadResource shows what is ours of the object: see schema.Kind.Project.
func (r *kindResource) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	state, err := req.CurrentState.Unmarshal(r.valueType)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", r.typeName, err)
	}
	resp := &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, Private: req.Private, NewIdentity: identityOf(attributesOf(state))}
	var diags diag.Diagnostics
	defer func() { resp.Diagnostics = protocol(diags) }()

	client := r.provider.data.RefreshClient(&diags)
	if client == nil {
		return resp, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	now, err := r.read(ctx, client, state)
	if err != nil {
		diags.AddError("Cannot read "+r.refOf(attributesOf(state)).String(), sentence(err))
		return resp, nil
	}
	resp.NewState, err = r.wire(now)
	return resp, err
}

// read is the state as it is now: null when the object is gone.
func (r *kindResource) read(ctx context.Context, client *kube.Client, state tftypes.Value) (tftypes.Value, error) {
	prior, err := r.kind.Manifest(state)
	if err != nil {
		return tftypes.Value{}, err
	}
	values := attributesOf(state)
	live, err := client.Refresh(ctx, r.refOf(values))
	if err != nil {
		return tftypes.Value{}, err
	}
	if live == nil {
		return tftypes.NewValue(r.valueType, nil), nil
	}
	owned, err := kube.OwnedBy(live, r.provider.data.FieldManager)
	if err != nil {
		return tftypes.Value{}, err
	}
	if values.isSet("not_served") && client.IsServed(ctx, live, kube.AmbassadorIDs(prior)) {
		values["not_served"] = tftypes.NewValue(tftypes.String, nil)
		state = tftypes.NewValue(r.valueType, map[string]tftypes.Value(values))
	}
	return r.kind.Decode(r.kind.Project(prior, live.Object, owned), state)
}

// GenerateResourceConfig is the configuration for an object that was imported:
// the state without what only we set.
func (r *kindResource) GenerateResourceConfig(_ context.Context, req *tfprotov6.GenerateResourceConfigRequest) (*tfprotov6.GenerateResourceConfigResponse, error) {
	state, err := req.State.Unmarshal(r.valueType)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", r.typeName, err)
	}
	values := attributesOf(state)
	for _, attribute := range r.schema.Block.Attributes {
		if attribute.Computed && !attribute.Optional {
			values[attribute.Name] = tftypes.NewValue(attribute.Type, nil)
		}
	}
	config, err := r.wire(tftypes.NewValue(r.valueType, map[string]tftypes.Value(values)))
	return &tfprotov6.GenerateResourceConfigResponse{Config: config}, err
}

// idOf is namespace/name, unknown while one of them is.
func idOf(values attributes) tftypes.Value {
	namespace, ok1 := values.text("namespace")
	name, ok2 := values.text("name")
	if !ok1 || !ok2 {
		return tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
	return tftypes.NewValue(tftypes.String, namespace+"/"+name)
}

// refOf names the object that the attributes describe.
func (r *kindResource) refOf(values attributes) kube.Ref {
	namespace, _ := values.text("namespace")
	name, _ := values.text("name")
	return r.kind.ref(namespace, name)
}

// wire is a resource as the protocol carries it.
func (r *kindResource) wire(resource tftypes.Value) (*tfprotov6.DynamicValue, error) {
	value, err := tfprotov6.NewDynamicValue(r.valueType, resource)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.typeName, err)
	}
	return &value, nil
}

// ignoreUndefined reads what another version of the provider has written.
var ignoreUndefined = tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}

// The timeouts block is that of all providers.
var timeoutsBlock = &tfprotov6.SchemaNestedBlock{
	TypeName: "timeouts",
	Nesting:  tfprotov6.SchemaNestedBlockNestingModeSingle,
	Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		timeoutAttribute("create", "creating", "including the wait for its CRD, its namespace, and Envoy"),
		timeoutAttribute("delete", "deleting", "including the wait for finalizers"),
		timeoutAttribute("update", "updating", "including the wait for Envoy"),
	}},
}

func timeoutAttribute(name, verb, detail string) *tfprotov6.SchemaAttribute {
	return &tfprotov6.SchemaAttribute{Name: name, Type: tftypes.String, Optional: true,
		Description: fmt.Sprintf("How long %s the object may take, %s. A duration such as `30s` or `10m`. Default `5m`.", verb, detail)}
}

func checkTimeouts(values attributes) (diags diag.Diagnostics) {
	limits := attributes(values.members("timeouts"))
	for _, attribute := range timeoutsBlock.Block.Attributes {
		if text, ok := limits.text(attribute.Name); ok {
			if limit, err := time.ParseDuration(text); err != nil || limit <= 0 {
				diags.Append(failAt(path.Root("timeouts").AtName(attribute.Name),
					"is %q; it must be a duration above zero such as 30s, 10m or 1h30m.", text)...)
			}
		}
	}
	return diags
}

// timeout is the limit of an operation.
func timeout(values attributes, operation string) time.Duration {
	if text, ok := attributes(values.members("timeouts")).text(operation); ok {
		if limit, err := time.ParseDuration(text); err == nil {
			return limit
		}
	}
	return defaultTimeout
}
