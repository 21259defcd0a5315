package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/internal/release"
)

// mostDrift is how many lines of drift a plan shows.
const mostDrift = 20

// noDrift is the drift of a release just applied.
var noDrift = types.ListValueMust(types.StringType, []attr.Value{})

// describeDrift fills in how the objects of the release differ from its manifest,
// without what is to be ignored and without secrets.
func (m *releaseModel) describeDrift(ctx context.Context, observed *release.Observation, writeOnly [][]string, diags *diag.Diagnostics) {
	var ignored []string
	diags.Append(m.IgnoreDrift.ElementsAs(ctx, &ignored, false)...)
	secrets := m.content(ctx, types.DynamicNull(), diags).secrets()
	for _, at := range writeOnly {
		collectTexts(release.ValueAt(observed.Values, at), &secrets)
	}
	lines := driftLines(observed.Drift, ignored, secrets)
	list, more := types.ListValueFrom(ctx, types.StringType, lines)
	diags.Append(more...)
	m.Drift = list
	if err := errors.Join(observed.Unseen...); err != nil {
		diags.AddWarning("Not all of the release "+m.ref().String()+" could be compared with the cluster",
			sentence(err)+"\n\nWhat others changed in these objects is not shown.")
	}
}

// driftLines are the differences in words, up to mostDrift.
func driftLines(drift []release.Drift, ignored, secrets []string) []string {
	lines := []string{}
	left := 0
	for _, d := range drift {
		for _, secret := range secrets {
			if strings.Contains(d.Have+d.Want, secret) {
				d.Have, d.Want = "", "" // It then only says that it changed.
			}
		}
		switch {
		case slices.ContainsFunc(ignored, func(pattern string) bool { return ignores(pattern, d) }):
		case len(lines) == mostDrift:
			left++
		default:
			lines = append(lines, d.String())
		}
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", left))
	}
	return lines
}

// ignores reports whether a pattern of ignore_drift matches the field or one that
// it is in. A * stands for any text.
func ignores(pattern string, d release.Drift) bool {
	expression := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(pattern)), `\*`, ".*")
	return regexp.MustCompile(`^` + expression + `($|[ .\[])`).MatchString(d.Place())
}
