package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// defaultMaxHistory is how many revisions of a release are kept.
const defaultMaxHistory = 10

func releaseSchema(ctx context.Context) rschema.Schema {
	return rschema.Schema{
		MarkdownDescription: "A Helm release; without further settings, one of the ingress, from the chart inside the provider. " +
			"A plan renders the chart and needs neither a cluster nor, for a bundled or local chart, a network. " +
			"CRDs and a namespace that are not there yet are waited for, a release whose last change failed or was abandoned is taken over.",
		Attributes: map[string]rschema.Attribute{
			"id": rschema.StringAttribute{Computed: true,
				MarkdownDescription: "`namespace/name`, which is also what `terraform import` takes."},
			"name": rschema.StringAttribute{Required: true,
				MarkdownDescription: "Name of the release, up to 53 characters. Changing it makes a new release.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"namespace": rschema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("default"),
				MarkdownDescription: "Namespace of the release and its objects. Default `default`. Changing it makes a new release.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()}},

			"chart": rschema.StringAttribute{Optional: true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: chartDescription},
			"repository": rschema.StringAttribute{Optional: true,
				Validators:          []validator.String{stringvalidator.AlsoRequires(path.MatchRoot("chart"))},
				MarkdownDescription: repositoryDescription},
			"version": rschema.StringAttribute{Optional: true,
				MarkdownDescription: chartVersionDescription},
			"repository_username": rschema.StringAttribute{Optional: true, Sensitive: true,
				MarkdownDescription: repositoryUsernameDescription},
			"repository_password": rschema.StringAttribute{Optional: true, Sensitive: true,
				MarkdownDescription: repositoryPasswordDescription},

			"values":           rschema.DynamicAttribute{Optional: true, MarkdownDescription: valuesDescription},
			"values_yaml":      rschema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: valuesYAMLDescription},
			"sensitive_values": rschema.DynamicAttribute{Optional: true, Sensitive: true, MarkdownDescription: sensitiveValuesDescription},
			"values_wo": rschema.DynamicAttribute{Optional: true, WriteOnly: true,
				MarkdownDescription: "Values that are in neither plan nor state, as an object or as YAML text. They win over `sensitive_values`. Default: none. " +
					"Terraform does not see them change: see `values_wo_revision`. Needs Terraform 1.11 or OpenTofu 1.11."},
			"values_wo_revision": rschema.Int64Attribute{Optional: true,
				MarkdownDescription: "A number of your choice; changing it upgrades the release with the present `values_wo`. Default: none."},
			"kustomize": rschema.DynamicAttribute{Optional: true, MarkdownDescription: kustomizeDescription},

			"create_namespace": boolSetting(true, "Whether to create the namespace where it is missing. A namespace created so is deleted with the release if nothing else is left in it."),
			"wait":             boolSetting(true, "Whether to return only when the objects are ready: pods, load balancers, volumes."),
			"wait_for_jobs":    boolSetting(false, "Whether `wait` includes the completion of Jobs."),
			"atomic":           boolSetting(false, "Whether to undo a change that fails: an install is uninstalled, an upgrade rolled back. Includes `wait`."),
			"skip_crds":        boolSetting(false, "Whether to leave out the files in the chart's `crds` folder. The bundled charts have none: see `emissary_crds`."),
			"take_ownership":   boolSetting(false, "Whether to make objects part of the release that exist already and belong to no release or to another one."),
			"disable_hooks":    boolSetting(false, "Whether to leave out the chart's hooks."),
			"max_history": rschema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(defaultMaxHistory),
				Validators:          []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "How many revisions are kept, for `helm rollback`. `0` keeps all. Default `10`."},

			"ignore_drift": rschema.ListAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "What is left out of `drift`: objects and fields as they stand there, `*` for any text. For example " +
					"`Deployment/* spec.replicas` where something else scales; `*` for everything. Default: nothing."},

			"revision": rschema.Int64Attribute{Computed: true,
				MarkdownDescription: "Number of the change, from 1."},
			"status": rschema.StringAttribute{Computed: true,
				MarkdownDescription: "`deployed`; otherwise how the release is not what it should be, which the next apply repairs: " +
					"`failed`, `pending-install` and the like from Helm, or `modified` when someone else changed its chart or values."},
			"chart_version": rschema.StringAttribute{Computed: true,
				MarkdownDescription: "Version of the chart in use."},
			"app_version": rschema.StringAttribute{Computed: true,
				MarkdownDescription: "Version of the software that the chart installs."},
			"chart_digest": rschema.StringAttribute{Computed: true,
				MarkdownDescription: "SHA-256 of what the chart consists of, however it is packed. A change of a local chart shows here."},
			"drift": rschema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Where the objects in the cluster differ from what the release says, as lines such as " +
					"`Deployment/emissary-ingress spec.replicas: 3, want 2`, found when Terraform refreshes. The next apply repairs it. " +
					"What the release does not set, and what the cluster would put back at once, is left out."},
		},
		Blocks: map[string]rschema.Block{
			"timeouts": timeouts.Block(ctx, timeouts.Opts{
				Create: true, Update: true, Delete: true,
				CreateDescription: releaseTimeoutDescription("installing", "including the wait for its CRDs and its objects"),
				UpdateDescription: releaseTimeoutDescription("upgrading", "including the wait for its objects"),
				DeleteDescription: releaseTimeoutDescription("uninstalling", "including the wait for finalizers and the namespace"),
			}),
		},
	}
}

func boolSetting(value bool, description string) rschema.BoolAttribute {
	text := "false"
	if value {
		text = "true"
	}
	return rschema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(value),
		MarkdownDescription: description + " Default `" + text + "`.",
	}
}

func releaseTimeoutDescription(verb, detail string) string {
	return "How long " + verb + " the release may take, " + detail + ". A duration such as `30s` or `10m`. Default `10m`."
}
