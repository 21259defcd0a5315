package release

import (
	"context"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// Renders reports whether the newest revision of a release has an object of
// this kind and name. It is ErrNotFound when there is no such release, or only
// the history of one that was uninstalled.
func (c *Client) Renders(ctx context.Context, ref Ref, kind, name string) (bool, error) {
	last, err := c.newest(ctx, ref)
	if err != nil {
		return false, err
	}
	if last.Info != nil && last.Info.Status == helmrelease.StatusUninstalled {
		return false, ErrNotFound
	}
	for _, manifest := range releaseutil.SplitManifests(last.Manifest) {
		var object struct {
			Kind     string                `json:"kind"`
			Metadata struct{ Name string } `json:"metadata"`
		}
		if yaml.Unmarshal([]byte(manifest), &object) == nil && object.Kind == kind && object.Metadata.Name == name {
			return true, nil
		}
	}
	return false, nil
}
