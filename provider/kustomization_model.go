package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/kustomization"
	"terraform-provider-emissary/provider/manifests"
)

// kustomizationSource says what a kustomization is built from; the resource and
// the data source have it in common.
type kustomizationSource struct {
	Path              types.String  `tfsdk:"path"`
	Kustomization     types.Dynamic `tfsdk:"kustomization"`
	Files             types.Map     `tfsdk:"files"`
	SensitiveFiles    types.Map     `tfsdk:"sensitive_files"`
	AllowFilesOutside types.Bool    `tfsdk:"allow_files_outside"`
	AllowRemote       types.Bool    `tfsdk:"allow_remote"`
}

// kustomizationModel is the configuration, plan or state of an
// emissary_kustomization.
type kustomizationModel struct {
	kustomizationSource

	ForceConflicts    types.Bool     `tfsdk:"force_conflicts"`
	Wait              types.Bool     `tfsdk:"wait"`
	RecreateImmutable types.Bool     `tfsdk:"recreate_immutable"`
	CRDDeletionPolicy types.String   `tfsdk:"crd_deletion_policy"`
	ConfirmDataLoss   types.Bool     `tfsdk:"confirm_data_loss"`
	Objects           types.Map      `tfsdk:"objects"`
	Changes           types.Map      `tfsdk:"changes"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
}

// changesType is that of the values of changes.
var changesType = types.ListType{ElemType: types.StringType}

// source is what internal/kustomization takes. It reports false while any of it
// is not known.
func (s *kustomizationSource) source(ctx context.Context) (source kustomization.Source, known bool, err error) {
	source = kustomization.Source{
		Path:         s.Path.ValueString(),
		FilesOutside: s.AllowFilesOutside.ValueBool(),
		Remote:       s.AllowRemote.ValueBool(),
	}
	known = !s.Path.IsUnknown() && !s.AllowFilesOutside.IsUnknown() && !s.AllowRemote.IsUnknown()
	if !s.Kustomization.IsNull() && !s.Kustomization.IsUnderlyingValueNull() {
		content, err := plainValue(ctx, s.Kustomization)
		if errors.Is(err, errUnknownValue) {
			return source, false, nil
		}
		if err != nil {
			return source, false, err
		}
		fields, ok := withoutNulls(content).(map[string]any)
		if !ok {
			return source, false, errors.New("the value of kustomization is no object such as { resources = [\"base\"] }; text belongs in files")
		}
		source.Kustomization = fields
	}
	files, filesKnown := textMap(s.Files)
	sensitive, sensitiveKnown := textMap(s.SensitiveFiles)
	source.Files, source.SensitiveFiles = files, sensitive
	return source, known && filesKnown && sensitiveKnown, nil
}

// textMap is the elements of a map of texts. It reports false while one of them is
// not known.
func textMap(of types.Map) (map[string]string, bool) {
	values := make(map[string]string, len(of.Elements()))
	for name, element := range of.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			return nil, false
		}
		values[name] = text.ValueString()
	}
	return values, !of.IsUnknown()
}

// build builds the kustomization and checks the objects of getambassador.io as
// the API server would. It reports false while that is not possible yet, and
// after adding an error.
func (s *kustomizationSource) build(ctx context.Context, diags *diag.Diagnostics) (objects []kustomization.Object, ok bool) {
	at := path.Root("path")
	if s.Path.IsNull() {
		at = path.Root("kustomization")
	}
	source, known, err := s.source(ctx)
	if err == nil && known {
		objects, err = kustomization.Build(source)
	}
	if err != nil {
		diags.AddAttributeError(at, "The kustomization cannot be built", sentence(err)+".")
		return nil, false
	}
	for _, object := range objects {
		if err := manifests.Check(object.Object); err != nil {
			diags.AddAttributeError(at, "The kustomization has an object that is not valid", sentence(err)+".")
		}
	}
	return objects, known && !diags.HasError()
}

// summariesOf is the attribute objects for what is wanted.
func summariesOf(objects []kustomization.Object) types.Map {
	values := make(map[string]attr.Value, len(objects))
	for _, object := range objects {
		values[object.ID()] = types.StringValue(object.Summary())
	}
	return types.MapValueMust(types.StringType, values)
}

// recordedSummaries is the attribute objects for what is there.
func recordedSummaries(records kustomization.Records) types.Map {
	values := make(map[string]attr.Value, len(records))
	for id, record := range records {
		values[id] = types.StringValue(record.Summary())
	}
	return types.MapValueMust(types.StringType, values)
}

// changesOf is the attribute changes; null when there are none.
func changesOf(changes map[string][]string) types.Map {
	if len(changes) == 0 {
		return types.MapNull(changesType)
	}
	values := make(map[string]attr.Value, len(changes))
	for id, lines := range changes {
		list := make([]attr.Value, len(lines))
		for i, line := range lines {
			list[i] = types.StringValue(line)
		}
		values[id] = types.ListValueMust(types.StringType, list)
	}
	return types.MapValueMust(changesType, values)
}

// recordsKey is where the private state has the records: more than a plan is to
// show, and all that a destroy needs.
const recordsKey = "records"

// privateReader and privateWriter are what the framework's private states have in
// common, whose type has no name outside of it.
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

func recordsIn(ctx context.Context, private privateReader, diags *diag.Diagnostics) kustomization.Records {
	content, more := private.GetKey(ctx, recordsKey)
	diags.Append(more...)
	var records kustomization.Records
	if len(content) > 0 {
		if err := json.Unmarshal(content, &records); err != nil {
			diags.AddError("The state of the kustomization cannot be read", sentence(err)+".")
		}
	}
	return records
}

func keepRecords(ctx context.Context, private privateWriter, records kustomization.Records, diags *diag.Diagnostics) {
	content, err := json.Marshal(records)
	if err != nil {
		diags.AddError("The state of the kustomization cannot be written", sentence(err)+".")
		return
	}
	diags.Append(private.SetKey(ctx, recordsKey, content)...)
}

// mostFailures is how many objects that failed are told of one by one.
const mostFailures = 10

// report adds what came of an operation: its notes as one warning, its failures
// as errors.
func report(outcome *kustomization.Outcome, advice string, diags *diag.Diagnostics) {
	if len(outcome.Notes) > 0 {
		slices.Sort(outcome.Notes)
		diags.AddWarning("What to know about the objects of the kustomization", strings.Join(outcome.Notes, "\n"))
	}
	failures := outcome.Failures
	slices.SortFunc(failures, func(a, b kustomization.Failure) int { return strings.Compare(a.Summary, b.Summary) })
	for i, failure := range failures {
		if i == mostFailures {
			diags.AddError(fmt.Sprintf("%d more objects failed", len(failures)-i), "They are not listed here."+advice)
			return
		}
		diags.AddError(failure.Summary, sentence(failure.Err)+"."+advice)
	}
}
