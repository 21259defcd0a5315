package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/install"
	"terraform-provider-emissary/internal/kube"
)

// defaultActionTimeout bounds an action that sets no timeout.
const defaultActionTimeout = 10 * time.Minute

var (
	_ action.ActionWithConfigure      = (*installAction)(nil)
	_ action.ActionWithValidateConfig = (*installAction)(nil)
)

// installAction is one of the things to do with an install that runs. They
// differ in one attribute at most and in what they call.
type installAction struct {
	data *providerData

	name, description string
	// attribute is what the action wants besides the release; it may be empty.
	attribute, about string
	run              func(ctx context.Context, client *kube.Client, ref install.Ref, argument string, progress func(string)) error
}

// newActions are the actions of the provider.
func newActions() []func() action.Action {
	return []func() action.Action{
		func() action.Action {
			return &installAction{name: "restart", run: restart,
				description: "Replaces the pods of an install without an interruption, as `kubectl rollout restart` does, and waits until the new ones are available."}
		},
		func() action.Action {
			return &installAction{name: "drain", run: drain,
				description: "Moves the pods of an install away from a node, before it is taken down: evicts them one by one, with respect for the PodDisruptionBudget, and waits each time until there is another one. " +
					"A pod that is evicted finishes its requests. New pods may come to the node unless it is cordoned.",
				attribute: "node", about: "Name of the node."}
		},
		func() action.Action {
			return &installAction{name: "diagnostics", run: dumpDiagnostics,
				description: "Writes the diagnostics of every pod of an install to a file, as JSON: its configuration, what Envoy has acknowledged and refused, restarts. " +
					"It asks the pods through the API server (`pods/proxy`), which they answer when the Module `ambassador` has `diagnostics.enabled`.",
				attribute: "path", about: "Path of the file, which is replaced. It is readable for its owner only: hostnames and addresses are in it."}
		},
	}
}

func (a *installAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + a.name
}

func (a *installAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: a.description + " Needs Terraform 1.14 or later.",
		Attributes: map[string]schema.Attribute{
			"name":      schema.StringAttribute{Required: true, MarkdownDescription: "Name of the release."},
			"namespace": schema.StringAttribute{Optional: true, MarkdownDescription: "Namespace of the release. Default: `default`."},
			"timeout":   schema.StringAttribute{Optional: true, MarkdownDescription: "How long it may take. A duration such as `30s` or `10m`. Default: `10m`."},
		},
	}
	if a.attribute != "" {
		resp.Schema.Attributes[a.attribute] = schema.StringAttribute{Required: true, MarkdownDescription: a.about}
	}
}

func (a *installAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.data, _ = req.ProviderData.(*providerData) // Absent while Terraform only validates.
}

// configReader is the configuration of an action.
type configReader interface {
	GetAttribute(ctx context.Context, path path.Path, target any) diag.Diagnostics
}

// timeout is that of the configuration.
func (a *installAction) timeout(ctx context.Context, config configReader, diags *diag.Diagnostics) time.Duration {
	var text types.String
	diags.Append(config.GetAttribute(ctx, path.Root("timeout"), &text)...)
	if text.IsNull() || text.IsUnknown() {
		return defaultActionTimeout
	}
	limit, err := time.ParseDuration(text.ValueString())
	if err != nil || limit <= 0 {
		diags.AddAttributeError(path.Root("timeout"), "Invalid timeout",
			fmt.Sprintf("timeout is %q: a duration above zero is wanted, such as 30s or 10m.", text.ValueString()))
	}
	return limit
}

func (a *installAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	a.timeout(ctx, req.Config, &resp.Diagnostics)
}

func (a *installAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var name, namespace, argument types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("namespace"), &namespace)...)
	if a.attribute != "" {
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(a.attribute), &argument)...)
	}
	limit := a.timeout(ctx, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ref := install.Ref{Namespace: orDefault(namespace), Name: name.ValueString()}
	client, err := a.data.Kube()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err = a.run(ctx, client, ref, argument.ValueString(), func(message string) {
			resp.SendProgress(action.InvokeProgressEvent{Message: message})
		})
	}
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("The action %s of %s failed", a.name, ref), sentence(err)+".")
	}
}

func restart(ctx context.Context, client *kube.Client, ref install.Ref, _ string, progress func(string)) error {
	return install.Restart(ctx, client, ref, time.Now(), progress)
}

func drain(ctx context.Context, client *kube.Client, ref install.Ref, node string, progress func(string)) error {
	evicted, err := install.Drain(ctx, client, ref, node, progress)
	if err == nil {
		progress(fmt.Sprintf("evicted %d pods from node %s", evicted, node))
	}
	return err
}

func dumpDiagnostics(ctx context.Context, client *kube.Client, ref install.Ref, file string, progress func(string)) error {
	pods, err := install.Diagnostics(ctx, client, ref, progress)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(map[string]any{"release": ref.String(), "server": client.Server(), "pods": pods}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
		return err
	}
	progress(fmt.Sprintf("wrote the diagnostics of %d pods to %s", len(pods), file))
	return nil
}
