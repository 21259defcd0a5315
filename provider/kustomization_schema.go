package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kustomization"
)

// What the resource and the data source say of their common attributes.
const (
	describePath = "Folder with the `kustomization.yaml`, such as `\"${path.module}/overlays/production\"`. " +
		"Relative paths are relative to where Terraform runs, which is also the default."
	describeInline = "What a `kustomization.yaml` holds, as an object with the same fields, such as `{ resources = [\"base\"], namespace = \"shop\" }`. " +
		"It takes the place of the file in `path`; the paths in it are relative to `path`. Default: the file."
	describeFiles = "Files by their path in the folder, for manifests and patches that come from the configuration. " +
		"They come before files of the same name on disk. Default: none."
	describeSensitive = "Like `files`, for what Terraform is not to show. With any of them, every object is treated as a Secret: values are hashes where they are kept and shown. Default: none."
	describeOutside   = "Whether files outside of the folder of their `kustomization.yaml` may be used, as with `--load-restrictor LoadRestrictionsNone`. " +
		"Bases may be anywhere without it. Default `false`."
	describeRemote = "Whether bases may be fetched with git and files from URLs, at each plan and apply. Default `false`: a build reads only what is on disk. " +
		"Programs (exec and container functions, Helm charts) never run."
)

func kustomizationSchema(ctx context.Context) rschema.Schema {
	return rschema.Schema{
		MarkdownDescription: "A kustomization, built in process as `kubectl kustomize` does, and its objects in the cluster. " +
			"The plan needs no cluster and shows object by object, and field by field, what an apply changes. " +
			"An apply writes Namespaces and CRDs first and waits for them, then the rest kind by kind, waits until that is ready, and deletes what left the kustomization. " +
			"A destroy deletes in reverse. Objects that are there already are taken over; for those that others change, see `force_conflicts`.",
		Attributes: map[string]rschema.Attribute{
			"path":                rschema.StringAttribute{Optional: true, MarkdownDescription: describePath},
			"kustomization":       rschema.DynamicAttribute{Optional: true, MarkdownDescription: describeInline},
			"files":               rschema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: describeFiles},
			"sensitive_files":     rschema.MapAttribute{Optional: true, Sensitive: true, ElementType: types.StringType, MarkdownDescription: describeSensitive},
			"allow_files_outside": rschema.BoolAttribute{Optional: true, MarkdownDescription: describeOutside},
			"allow_remote":        rschema.BoolAttribute{Optional: true, MarkdownDescription: describeRemote},

			"force_conflicts": rschema.BoolAttribute{Optional: true,
				MarkdownDescription: "What happens to fields that other field managers own. `true` takes them over, `false` makes them an error. " +
					"Default: the provider's `force_conflicts`; without that, an error, except for fields of ours that others have changed since the last apply: those are taken back, with a warning."},
			"wait": rschema.BoolAttribute{Optional: true,
				MarkdownDescription: "Whether to return only when the objects are ready: Deployments, DaemonSets and StatefulSets rolled out, Jobs complete, " +
					"and objects of `getambassador.io` served by Envoy. Default: `true`, but for objects that no running controller serves. " +
					"Namespaces and CRDs are always waited for."},
			"recreate_immutable": rschema.BoolAttribute{Optional: true,
				MarkdownDescription: "Whether objects whose immutable fields change, such as the template of a Job or the selector of a Deployment, are deleted and made again. " +
					"Volumes, Namespaces and CRDs never are. Default `false`: such a change is an error."},
			"crd_deletion_policy": rschema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(string(kustomization.Retain)),
				Validators: []validator.String{stringvalidator.OneOf(string(kustomization.Retain), string(kustomization.DeleteIfEmpty), string(kustomization.DeleteAll))},
				MarkdownDescription: "What becomes of CRDs that leave the kustomization, or are destroyed with it. `retain` leaves them in the cluster and says so. " +
					"`delete_if_empty` deletes those of which there are no objects in any namespace. " +
					"`delete` deletes them and with them every object of their kinds in the whole cluster, whoever made it; it needs `confirm_data_loss`. " +
					"Terraform destroys by what was applied last: apply a change of this attribute before the destroy. Default `retain`."},
			"confirm_data_loss": rschema.BoolAttribute{Optional: true,
				MarkdownDescription: "Must be `true` for `crd_deletion_policy = \"delete\"`. Has no effect otherwise."},

			"objects": rschema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The objects, by `group/Kind/namespace/name` without what an object does not have, each with a digest of its manifest. " +
					"Instead of it stands `" + kustomization.Drifted + "` when others have changed the object, and `" + kustomization.NotReady + "` when the wait for it failed; the next apply sees to both."},
			"changes": rschema.MapAttribute{Computed: true, ElementType: changesType,
				MarkdownDescription: "By object, the fields that an apply changes, such as `spec.replicas: 2 -> 3`, for objects that are there already; up to 20 for each. " +
					"There to be read in the plan: a refresh empties it. What Secrets hold, and texts over 256 bytes, are hashes."},
		},
		Blocks: map[string]rschema.Block{
			"timeouts": timeouts.Block(ctx, timeouts.Opts{
				Create: true, Update: true, Delete: true,
				CreateDescription: kustomizationTimeout("creating the objects may take, until they are ready"),
				UpdateDescription: kustomizationTimeout("changing the objects may take, until they are ready and what left is gone"),
				DeleteDescription: kustomizationTimeout("deleting the objects may take, including the wait for finalizers"),
			}),
		},
	}
}

func kustomizationTimeout(what string) string {
	return "How long " + what + ". A duration such as `30s` or `10m`. Default `10m`."
}
