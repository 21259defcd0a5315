package schema

import (
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"terraform-provider-emissary/crds/validation"
)

// Kind is the schema of one kind of object, in both worlds.
type Kind struct {
	// Name is the kind in manifests, such as "TLSContext".
	Name string
	// Group, Version and Plural place it in the Kubernetes API.
	Group, Version, Plural string
	// Description is the CRD's own, as Markdown.
	Description string

	spec  *node
	rules func() (*validation.Validator, error)
}

// metadata are the parts of an object's metadata that a person writes.
var metadata = &node{kind: objectNode, fields: []*node{
	{json: "annotations", attribute: "annotations", kind: mapNode, element: &node{kind: stringNode}},
	{json: "labels", attribute: "labels", kind: mapNode, element: &node{kind: stringNode}},
	{json: "name", attribute: "name", kind: stringNode, required: true},
	{json: "namespace", attribute: "namespace", kind: stringNode},
}}

// Overrides are the facts about a kind that its CRD does not tell.
type Overrides struct {
	// Rename gives a spec field (manifest name) another attribute name, where it
	// would clash with one of the resource's own.
	Rename map[string]string
	// Required are attribute paths that the CRD leaves optional but without
	// which the object means nothing, such as "regex_rewrite.pattern". A *
	// stands for the elements of a list or map. It also turns a misspelt key in
	// a nested object, which Terraform drops silently, into an error.
	Required []string
}

// Derive reads a kind from the served version of its CRD.
func Derive(crd *apiextensionsv1.CustomResourceDefinition, o Overrides) (*Kind, error) {
	version := crd.Spec.Versions[slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Storage })]
	openAPI := version.Schema.OpenAPIV3Schema
	k := &Kind{
		Name:        crd.Spec.Names.Kind,
		Group:       crd.Spec.Group,
		Version:     version.Name,
		Plural:      crd.Spec.Names.Plural,
		Description: prose(openAPI.Description),
		rules:       rulesOf(crd, openAPI),
	}
	properties := openAPI.Properties["spec"]
	spec, err := parse("spec", &properties)
	if err != nil {
		return nil, fmt.Errorf("CRD %s: %w", crd.Name, err)
	}
	k.spec = spec
	for json, attribute := range o.Rename {
		field := spec.field(json, true)
		if field == nil {
			return nil, fmt.Errorf("CRD %s has no field %q to rename", crd.Name, json)
		}
		field.attribute = attribute
	}
	for _, path := range o.Required {
		field := spec.find(strings.Split(path, "."))
		if field == nil {
			return nil, fmt.Errorf("CRD %s has no field %q to require", crd.Name, path)
		}
		field.required = true
	}
	return k, nil
}

// find returns the node at a path of attribute names, or nil.
func (n *node) find(path []string) *node {
	for _, step := range path {
		if step == "*" {
			n = n.element
		} else {
			n = n.field(step, false)
		}
		if n == nil {
			return nil
		}
	}
	return n
}

// TypeName is the kind in snake_case, as in the resource's name.
func (k *Kind) TypeName() string { return snakeCase(k.Name) }
