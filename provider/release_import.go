package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/release"
)

// ImportState adopts a release by namespace/name. Its values become values, but
// for those whose names say that they are secret, which become sensitive_values:
// a configuration that says the same has nothing to change. Emissary's own chart
// comes into the state with where it was published, as convert writes it.
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
	info, err := release.New(connection, helmLog(ctx)).Get(ctx, release.Ref{Namespace: namespace, Name: name})
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
	source := info.Source()
	for attribute, text := range map[string]string{"chart": source.Chart, "repository": source.Repository, "version": source.Version} {
		if text != "" {
			imported[attribute] = text
		}
	}
	values, secret := release.SplitSecrets(info.Values)
	for attribute, values := range map[string]map[string]any{"values": values, "sensitive_values": secret} {
		if len(values) > 0 {
			imported[attribute] = types.DynamicValue(dynamicValue(ctx, values))
		}
	}
	for attribute, value := range imported {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}
