package kustomization

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// explain makes of an error of kustomize what is wrong with which file, and says
// what to do of those that users meet most.
func explain(err error, root string) error {
	text := innermost(strings.ReplaceAll(err.Error(), root+filesys.Separator, ""))
	switch {
	case strings.Contains(text, "security; file"):
		return fmt.Errorf("%s: copy the file there, or allow files outside of the folder", text)
	case strings.Contains(text, "external plugins disabled"), strings.Contains(text, "must specify --enable-helm"):
		return fmt.Errorf("%s: a build runs no programs; write the result of the plugin to a file and use that", text)
	}
	if folder := noKustomization.FindStringSubmatch(text); folder != nil {
		return fmt.Errorf("the folder %s has no kustomization.yaml", folder[1])
	}
	return errors.New(text)
}

var (
	noKustomization = regexp.MustCompile(`unable to find one of .* in directory '([^']*)'`)
	// tried is how kustomize tells of a resource: it was tried as a file, and then
	// as a folder.
	tried = regexp.MustCompile(`(?s)^accumulating resources: accumulation err='accumulating resources from '([^']*)': (.*?)': ` +
		`(?:must build at directory: .*|recursed accumulation of path '[^']*': (.*))$`)
	loaded = regexp.MustCompile(`(?s)^accumulating resources: accumulating resources from '([^']*)': (.*)$`)
)

// innermost is the one of kustomize's errors in errors that is the cause, with the
// files on the way to it: "base: mapping.yaml: missing metadata.name".
func innermost(text string) string {
	if found := loaded.FindStringSubmatch(text); found != nil {
		return found[1] + ": " + found[2]
	}
	found := tried.FindStringSubmatch(text)
	if found == nil {
		return text
	}
	name, asFile, asFolder := found[1], found[2], found[3]
	switch {
	case asFolder != "":
		return name + ": " + innermost(asFolder)
	case strings.Contains(asFile, "no such file or directory"):
		return name + ": there is no such file or folder"
	}
	return name + ": " + asFile
}
