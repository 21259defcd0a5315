package manifest

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/crds/validation"
)

// validator does to a custom resource what the API server does on create: prune, default, validate.
type validator struct{ *validation.Validator }

// lazyValidator compiles the schema of a kind when it is first asked for.
func lazyValidator(kind string) func() (*validator, error) {
	return func() (*validator, error) {
		v, err := validation.For(kind)
		return &validator{v}, err
	}
}

// admit completes the object in place and returns the fields it dropped. The error names each field that is wrong,
// its value and what is allowed, in one line.
func (v *validator) admit(u *unstructured.Unstructured) (unknown []string, err error) {
	unknown, errs := v.Admit(u)
	if len(errs) == 0 {
		return unknown, nil
	}
	parts := make([]string, len(errs))
	for i, err := range errs {
		parts[i] = err.Error()
	}
	return unknown, errors.New(strings.Join(parts, "; "))
}
