package kustomization

import (
	"fmt"
	"slices"
	"strings"
)

// mostChanges is how many changes of one object are told one by one.
const mostChanges = 20

// Changes says, for each object that is there and is not what it should be, which
// fields an apply changes: "spec.replicas: 2 -> 3". Objects that come or go are
// not in it.
func Changes(known Records, wanted []Object) map[string][]string {
	changes := map[string][]string{}
	for _, o := range wanted {
		record, ok := known[o.ID()]
		if !ok || record.Summary() == o.Summary() {
			continue
		}
		lines := record.changes(o)
		if more := len(lines) - mostChanges; more > 0 {
			lines = append(lines[:mostChanges], fmt.Sprintf("and %d more fields", more))
		}
		changes[o.ID()] = lines
	}
	return changes
}

func (r Record) changes(o Object) []string {
	before, after := leavesOf(r.Manifest), leavesOf(condense(o))
	var lines []string
	for _, path := range sortedKeys(r.Drift) {
		lines = append(lines, line(strings.TrimPrefix(path, "."), r.Drift[path], r.Fields[path]))
	}
	paths := sortedKeys(before)
	for path := range after {
		if _, ok := before[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		if old, wanted := orNone(before, path), orNone(after, path); old != wanted {
			lines = append(lines, line(path, old, wanted))
		}
	}
	if r.NotReady != "" {
		lines = append(lines, "not ready: "+r.NotReady)
	}
	return lines
}

func line(path, old, wanted string) string { return path + ": " + old + " -> " + wanted }

func orNone(leaves map[string]string, path string) string {
	if value, ok := leaves[path]; ok {
		return value
	}
	return none
}
