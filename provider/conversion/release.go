package conversion

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/charts"
	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/convert"
	"terraform-provider-emissary/internal/release"
)

// isRecord reports whether an object is a Secret in which Helm keeps a revision of a release.
func isRecord(u *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(u.Object, "type")
	return u.GetKind() == "Secret" && kind == release.RecordType
}

func decodeRecord(u *unstructured.Unstructured) (*release.Record, error) {
	text, _, _ := unstructured.NestedString(u.Object, "data", release.RecordKey)
	if text == "" {
		return nil, fmt.Errorf("data.%s is missing", release.RecordKey)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("data.%s: %w", release.RecordKey, err)
	}
	record, err := release.DecodeRecord(data)
	if err != nil {
		return nil, fmt.Errorf("data.%s: %w", release.RecordKey, err)
	}
	return record, nil
}

// record converts the newest revision of a release; the others are history.
func (c *converter) record(u *unstructured.Unstructured) {
	record, err := decodeRecord(u)
	if err != nil {
		c.refuse(u.Object, err)
		return
	}
	if c.newest[record.Ref].Revision != record.Revision {
		return
	}
	if slices.ContainsFunc(c.releases, func(other *release.Record) bool { return other.Ref == record.Ref }) {
		return // the same Secret again
	}
	note := unmanaged(record)
	switch {
	case note != "":
	case c.options.To == YAML:
		note = "it is left out: a release is no manifest; `helm get values` prints its values"
	default:
		c.releases = append(c.releases, record)
		note = releaseNote(record)
	}
	if note != "" {
		c.tell(Note, "Release "+record.String(), note)
	}
}

// unmanaged says why no emissary_release takes a release over, or "".
func unmanaged(record *release.Record) string {
	switch {
	case !slices.Contains(charts.Names(), record.ChartName):
		return fmt.Sprintf("it is left out: %s is not a chart of this product", record.ChartName)
	case record.Status == string(helmrelease.StatusUninstalled):
		return "it is left out: it is uninstalled, and only its history is kept"
	}
	return ""
}

// releaseNote says what to look at before the first apply of a release, or "".
func releaseNote(record *release.Record) string {
	var notes []string
	if record.Status != release.StatusDeployed {
		notes = append(notes, fmt.Sprintf("its status is %s, which the next apply repairs", record.Status))
	}
	switch bundled := bundledVersion(record.ChartName); {
	case record.Published.Chart != "":
		notes = append(notes, fmt.Sprintf("it keeps version %s of Emissary's own chart, from where that was published, since Helm keeps no address; "+
			"remove chart, repository and version to change to version %s of the one inside the provider", record.ChartVersion, bundled))
	case record.ChartVersion != bundled:
		notes = append(notes, fmt.Sprintf("the next apply changes its chart from version %s to %s, the one inside the provider; "+
			"to keep the chart as it is, set chart, repository and version", record.ChartVersion, bundled))
	}
	if _, secret := release.SplitSecrets(record.Values); len(secret) > 0 {
		notes = append(notes, "values that look like secrets are in sensitive_values: put variables in their place before others see the file")
	}
	return strings.Join(notes, "; ")
}

func bundledVersion(name string) string {
	chart, err := charts.Load(name)
	if err != nil {
		return ""
	}
	return chart.Metadata.Version
}

// The annotations by which Helm marks the objects of a release.
const (
	releaseName      = "meta.helm.sh/release-name"
	releaseNamespace = "meta.helm.sh/release-namespace"
)

// releaseOf names the release that an object belongs to.
func releaseOf(u *unstructured.Unstructured) (release.Ref, bool) {
	annotations := u.GetAnnotations()
	ref := release.Ref{Namespace: annotations[releaseNamespace], Name: annotations[releaseName]}
	return ref, ref.Name != ""
}

// leftToRelease reports whether an object belongs to a release that is converted as a whole.
func (c *converter) leftToRelease(u *unstructured.Unstructured) bool {
	if c.options.To != HCL {
		return false
	}
	ref, owned := releaseOf(u)
	record := c.newest[ref]
	if !owned || record == nil || unmanaged(record) != "" {
		return false
	}
	if c.members == nil {
		c.members = map[string]int{}
	}
	c.members[ref.String()]++
	return true
}

// isDefinition reports whether an object is the CRD of one of our kinds.
func isDefinition(u *unstructured.Unstructured) bool {
	return u.GetKind() == "CustomResourceDefinition" && slices.ContainsFunc(crds.Kinds(), func(kind crds.Kind) bool {
		return kind.Plural+"."+convert.Group == u.GetName()
	})
}

// definition converts a CRD: one resource manages all of them.
func (c *converter) definition(item map[string]any) {
	if c.options.To == YAML {
		c.other(item)
		return
	}
	if owner, owned := releaseOf(&unstructured.Unstructured{Object: item}); owned && !c.crds {
		c.say(Note, item, "it belongs to the Helm release %s, which is not in the input: "+
			"emissary_crds does not take CRDs over from a release that is still there", owner)
	}
	c.crds = true
}
