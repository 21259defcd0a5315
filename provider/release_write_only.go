package provider

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// A write-only value is in no state, so a refresh cannot tell it from one that
// someone else added. The places where the last apply had one, not what is there,
// are kept in the private part of the state.

// writeOnlyKey is their name there.
const writeOnlyKey = "values_wo_paths"

// privateData is the private part of a resource's state.
type privateData interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// rememberWriteOnly keeps where the write-only values are, and after a change that
// failed, also where they were before: either may be what the cluster has.
func rememberWriteOnly(ctx context.Context, private privateData, c content, failed bool) (diags diag.Diagnostics) {
	var paths [][]string
	if failed {
		paths, diags = writeOnlyPaths(ctx, private)
	}
	for _, layer := range c.layers {
		if layer.name == "values_wo" {
			paths = append(paths, leafPaths(nil, layer.values)...)
		}
	}
	data, err := json.Marshal(paths)
	if err != nil {
		diags.AddError("Cannot keep the names of write-only values", sentence(err)+".")
		return diags
	}
	return append(diags, private.SetKey(ctx, writeOnlyKey, data)...)
}

// writeOnlyPaths are the places that rememberWriteOnly kept.
func writeOnlyPaths(ctx context.Context, private privateData) (paths [][]string, diags diag.Diagnostics) {
	data, diags := private.GetKey(ctx, writeOnlyKey)
	if len(data) == 0 {
		return nil, diags
	}
	if err := json.Unmarshal(data, &paths); err != nil {
		diags.AddError("Cannot read the names of write-only values", sentence(err)+".")
	}
	return paths, diags
}

// leafPaths are the paths of everything in a map that is no map itself.
func leafPaths(prefix []string, values map[string]any) (paths [][]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := append(slices.Clone(prefix), key)
		if below, ok := values[key].(map[string]any); ok && len(below) > 0 {
			paths = append(paths, leafPaths(at, below)...)
			continue
		}
		paths = append(paths, at)
	}
	return paths
}

// withoutPaths are the values without what is at these places, nor the maps that
// are empty then.
func withoutPaths(values map[string]any, paths [][]string) map[string]any {
	for _, at := range paths {
		values = withoutPath(values, at)
	}
	return values
}

func withoutPath(values map[string]any, at []string) map[string]any {
	if _, found := values[at[0]]; !found {
		return values
	}
	values = maps.Clone(values)
	below, isMap := values[at[0]].(map[string]any)
	switch {
	case len(at) == 1:
		delete(values, at[0])
	case isMap:
		if rest := withoutPath(below, at[1:]); len(rest) > 0 {
			values[at[0]] = rest
		} else {
			delete(values, at[0])
		}
	}
	return values
}
