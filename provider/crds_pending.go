package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/crd"
)

// pendingKey is where a read leaves for the plan what differs in the cluster:
// in the private state, because the state itself shows what is.
const pendingKey = "pending"

// pendingCRDs is what the last read found to be different.
type pendingCRDs struct {
	// Kinds are the definitions that were compared: a plan without a refresh may
	// be made by another version of the provider.
	Kinds   map[string]string `json:"kinds"`
	Changes []string          `json:"changes"`
	Harms   []crd.Harm        `json:"harms"`
}

// refusal says why the plan must not be applied.
func (p *pendingCRDs) refusal(plan crdsModel) error {
	if plan.AllowNarrowing.IsUnknown() || plan.ConfirmDataLoss.IsUnknown() {
		return nil // Apply will tell.
	}
	return (&crd.Survey{Harms: p.Harms}).Refusal(plan.options())
}

// privateState is the private state of a request or a response.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// pendingOf is nil where nothing is known.
func pendingOf(ctx context.Context, private privateState, diags *diag.Diagnostics) *pendingCRDs {
	data, more := private.GetKey(ctx, pendingKey)
	diags.Append(more...)
	var pending pendingCRDs
	if data == nil || json.Unmarshal(data, &pending) != nil || !stringMap(pending.Kinds).Equal(stringMap(summaries(crds.Definitions()))) {
		return nil
	}
	return &pending
}

func setPending(ctx context.Context, private privateState, survey *crd.Survey) diag.Diagnostics {
	data, err := json.Marshal(pendingCRDs{Kinds: summaries(crds.Definitions()), Changes: survey.Changes, Harms: survey.Harms})
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot keep what differs in the cluster", err.Error())}
	}
	return private.SetKey(ctx, pendingKey, data)
}

func stringMap(values map[string]string) types.Map {
	elements := map[string]attr.Value{}
	for name, value := range values {
		elements[name] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

func stringList(values []string) types.List {
	elements := []attr.Value{}
	for _, value := range values {
		elements = append(elements, types.StringValue(value))
	}
	return types.ListValueMust(types.StringType, elements)
}
