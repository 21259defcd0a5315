package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

var _ tfprotov6.ListResourceServer = (*kindResource)(nil)

// listSchema is the configuration of a list block, with which terraform query
// (1.14 and later) finds objects that are in no configuration.
func listSchema(k *kind) *tfprotov6.Schema {
	text := func(name, description string) *tfprotov6.SchemaAttribute {
		return &tfprotov6.SchemaAttribute{Name: name, Type: tftypes.String, Optional: true,
			Description: description, DescriptionKind: tfprotov6.StringKindMarkdown}
	}
	return &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{
		Description: fmt.Sprintf("Finds the objects of kind %s in the cluster, by a `list` block in a file `*.tfquery.hcl`. "+
			"`terraform query` shows them; with `-generate-config-out=found.tf` it also writes their configuration, with `import` blocks. "+
			"Needs Terraform 1.14 or later.", k.Name),
		DescriptionKind: tfprotov6.StringKindMarkdown,
		Attributes: []*tfprotov6.SchemaAttribute{
			text("label_selector", "Only objects whose labels match, as in `kubectl get --selector`, for example `team=web,tier!=cache`. Default: all."),
			text("namespace", "Only objects of this namespace. Default: those of all namespaces."),
		},
	}}
}

func (r *kindResource) ValidateListResourceConfig(_ context.Context, req *tfprotov6.ValidateListResourceConfigRequest) (*tfprotov6.ValidateListResourceConfigResponse, error) {
	config, err := req.Config.Unmarshal(listSchema(r.kind).ValueType())
	if err != nil {
		return nil, fmt.Errorf("list configuration of %s: %w", r.typeName, err)
	}
	var diags diag.Diagnostics
	if text, ok := attributesOf(config).text("label_selector"); ok {
		if _, err := labels.Parse(text); err != nil {
			diags.Append(failAt(path.Root("label_selector"), "is %q, which is no label selector: %s.", text, err)...)
		}
	}
	return &tfprotov6.ValidateListResourceConfigResponse{Diagnostics: protocol(diags)}, nil
}

// ListResource streams the objects page by page, as they come from the server.
func (r *kindResource) ListResource(ctx context.Context, req *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error) {
	config, err := req.Config.Unmarshal(listSchema(r.kind).ValueType())
	if err != nil {
		return nil, fmt.Errorf("list configuration of %s: %w", r.typeName, err)
	}
	values := attributesOf(config)
	namespace, _ := values.text("namespace")
	selector, _ := values.text("label_selector")
	return &tfprotov6.ListResourceServerStream{Results: func(yield func(tfprotov6.ListResourceResult) bool) {
		failed := func(err error) {
			var diags diag.Diagnostics
			diags.AddError(fmt.Sprintf("Cannot list objects of kind %s", r.kind.Name), sentence(err))
			yield(tfprotov6.ListResourceResult{Diagnostics: protocol(diags)})
		}
		client, err := r.provider.data.Kube()
		if err != nil {
			failed(err)
			return
		}
		var sent int64
		for object, err := range client.List(ctx, r.kind.ref("", "").Type, namespace, selector) {
			if err != nil {
				failed(err)
				return
			}
			if !yield(r.listed(object, req.IncludeResource)) {
				return
			}
			if sent++; sent == req.Limit {
				return
			}
		}
	}}, nil
}

// listed is one object as a list shows it. One that cannot be read, because it
// was stored before its CRD had types, does not hide the others.
func (r *kindResource) listed(object *unstructured.Unstructured, whole bool) tfprotov6.ListResourceResult {
	id := object.GetNamespace() + "/" + object.GetName()
	result := tfprotov6.ListResourceResult{
		DisplayName: id,
		Identity:    identityData(tftypes.NewValue(tftypes.String, object.GetNamespace()), tftypes.NewValue(tftypes.String, object.GetName())),
	}
	if !whole {
		return result
	}
	state, err := r.whole(object)
	if err == nil {
		result.Resource, err = r.wire(state)
	}
	if err != nil {
		var diags diag.Diagnostics
		diags.AddWarning(fmt.Sprintf("Cannot show %s %s", r.kind.Name, id), sentence(err))
		result.Diagnostics = protocol(diags)
	}
	return result
}
