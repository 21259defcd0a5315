package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func crdsSchema(ctx context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The custom resource definitions of `getambassador.io`, version `v3alpha1`, as embedded in the provider. " +
			"A cluster needs them once. CRDs that are there already, from `kubectl`, Helm or Argo CD, are taken over, unless a Helm release, an Argo CD Application or a Flux object that still manages them is there: see `take_ownership`. " +
			"Objects that are stored in an older version are rewritten before it goes: by the conversion webhook of the CRDs, or by the provider where there is none any more. An interrupted apply goes on from where it was. " +
			"What runs the conversion webhook keeps `spec.conversion`. " +
			"No other resource needs a `depends_on` on this one: they wait for their CRD.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Always `" + crdsID + "`, which is also what `terraform import` takes.",
			},
			"kinds": schema.MapAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "By kind, the versions of its CRD and a hash of what they say, such as `v3alpha1 sha256:0f7a1c2b3d4e`. " +
					"A change in the plan means that a CRD in the cluster differs from the provider's.",
			},
			"changes": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "In a plan, what the apply will change in the cluster, such as `Mapping v3alpha1: +2 fields (spec.a, spec.b)` or `Mapping: 412 objects rewritten from v2 to v3alpha1`. " +
					"In the state, what the last apply that changed anything has changed. Known after apply where the CRDs have not been read yet, as in the first plan without an import.",
			},
			"take_ownership": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether to take over CRDs that a Helm release, an Argo CD Application or a Flux object in the cluster still manages. Without it, apply names that owner and changes nothing. " +
					"Helm is told to keep the CRDs when they leave the release; uninstalling the release would still delete them. Default `false`.",
			},
			"allow_narrowing": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether to take away versions, fields and values that objects or clients in the cluster use, as a downgrade of the provider may. Without it, plan or apply names these objects and changes nothing. " +
					"Where objects would lose values, it needs `confirm_data_loss` as well. Default `false`.",
			},
			"deletion_policy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(retainCRDs),
				Validators: []validator.String{stringvalidator.OneOf(retainCRDs, deleteCRDsIfEmpty, deleteCRDs)},
				MarkdownDescription: "What a destroy does with the CRDs. `retain` leaves them in the cluster and says so. " +
					"`delete_if_empty` deletes them unless there are objects of their kinds in any namespace. " +
					"`delete` deletes them and with them every Host, Mapping and other object of their kinds in the whole cluster, whoever made it; it needs `confirm_data_loss`. " +
					"Terraform destroys by what was applied last: apply a change of this attribute before the destroy. Default `retain`.",
			},
			"confirm_data_loss": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Must be `true` for `deletion_policy = \"delete\"`, and for `allow_narrowing` where objects would lose values. Has no effect otherwise. Default `false`.",
			},
		},
		Blocks: map[string]schema.Block{
			"timeouts": timeouts.Block(ctx, timeouts.Opts{
				Create: true, Update: true, Delete: true,
				CreateDescription: "How long creating the CRDs may take, until the API server serves them and objects are rewritten. A duration such as `30s` or `10m`. Default `5m`.",
				UpdateDescription: "How long updating the CRDs may take, until the API server serves them and objects are rewritten. A duration such as `30s` or `10m`. Default `5m`.",
				DeleteDescription: "How long deleting the CRDs may take, including every object of their kinds. A duration such as `30s` or `10m`. Default `5m`.",
			}),
		},
	}
}
