package release

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
)

// Digest is a SHA-256 over what a chart consists of, as "sha256:…". It depends
// neither on how the chart is packed nor on the comments in its values, so that
// the chart in the record of a release has the digest it had when it was loaded;
// only its dependencies are not in there.
func Digest(c *chart.Chart) string {
	data, err := json.Marshal(partsOf(c))
	if err != nil {
		return "" // Helm has read all of it from JSON or YAML.
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// recordDigest is the digest of the chart in a record, or "" where the record does
// not have the whole chart.
func recordDigest(c *chart.Chart) string {
	if len(c.Metadata.Dependencies) > 0 {
		return ""
	}
	return Digest(c)
}

// chartParts is what counts of a chart.
type chartParts struct {
	Metadata     *chart.Metadata
	Values       map[string]any
	Schema       []byte
	Files        []*chart.File
	Dependencies []chartParts
}

func partsOf(c *chart.Chart) chartParts {
	all := chartParts{Metadata: c.Metadata, Values: c.Values, Schema: c.Schema, Files: slices.Concat(c.Templates, c.Files)}
	if len(all.Values) == 0 {
		all.Values = nil
	}
	if len(all.Schema) == 0 {
		all.Schema = nil
	}
	slices.SortFunc(all.Files, func(a, b *chart.File) int { return cmp.Compare(a.Name, b.Name) })
	for _, dependency := range c.Dependencies() {
		all.Dependencies = append(all.Dependencies, partsOf(dependency))
	}
	slices.SortFunc(all.Dependencies, func(a, b chartParts) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	return all
}
