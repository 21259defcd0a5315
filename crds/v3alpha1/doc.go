// Package v3alpha1 is the Emissary-compatible API: the 14 kinds of
// getambassador.io/v3alpha1 as Go types.
//
// JSON names and accepted values are those of Emissary's own v3alpha1
// schema, so that manifests written for Emissary apply unchanged. Fields are
// pointers where "absent" means something else than the zero value: an absent
// rewrite is "/", an empty one leaves the path alone. Durations, references
// and regular expressions stay strings even where Emissary parses them into
// richer types: a value that does not parse is the controller's to report on
// that one object, not a reason to fail decoding it.
//
// The doc comments are the source of the CRD descriptions and, through them,
// of the Terraform documentation.
//
// +kubebuilder:object:generate=true
// +groupName=getambassador.io
package v3alpha1
