// Package function owns the functions of the provider, provider::emissary::<name>. Each is a definition and a Go function
// over plain values: what a function does is done by the packages of the controller and the API, so that it gives the
// answers of the controller.
//
// Functions are pure: they read neither files, nor the environment, nor a cluster.
package function

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"terraform-provider-emissary/provider/schema"
)

// All lists the functions.
func All() []func() function.Function {
	var all []func() function.Function
	for _, f := range []*adaptor{parseService, manifestDecode, manifestDecodeMulti, manifestEncode, convertManifest, convertIngress, explainRoute} {
		all = append(all, func() function.Function { return f })
	}
	return all
}

// adaptor makes a function of Terraform out of one of Go.
type adaptor struct {
	name       string
	definition function.Definition
	// call takes the arguments as plain values: what parameters of type string and dynamic hold. It returns a plain value
	// where the result is dynamic, else a struct that fits it. An error is about the first argument, unless it is an
	// argumentError.
	call func(arguments []any) (any, error)
}

func (f *adaptor) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = f.name
}

func (f *adaptor) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = f.definition
}

func (f *adaptor) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	arguments := make([]any, len(f.definition.Parameters))
	for i, parameter := range f.definition.Parameters {
		var funcErr *function.FuncError
		if arguments[i], funcErr = argument(ctx, req, i, parameter); funcErr != nil {
			resp.Error = funcErr
			return
		}
	}
	result, err := f.call(arguments)
	if err != nil {
		about := &argumentError{err: err}
		errors.As(err, &about)
		resp.Error = function.NewArgumentFuncError(about.argument, err.Error())
		return
	}
	if _, dynamic := f.definition.Return.(function.DynamicReturn); dynamic {
		if result, err = types.DynamicType.ValueFromTerraform(ctx, schema.Decode(result)); err != nil {
			resp.Error = function.NewFuncError(err.Error())
			return
		}
	}
	resp.Error = resp.Result.Set(ctx, result)
}

// argument is argument i as a plain value; what is dynamic may hold resources, which stand for their manifests.
func argument(ctx context.Context, req function.RunRequest, i int, parameter function.Parameter) (any, *function.FuncError) {
	if _, isText := parameter.(function.StringParameter); isText {
		var text string
		err := req.Arguments.GetArgument(ctx, i, &text)
		return text, err
	}
	var dynamic types.Dynamic
	if err := req.Arguments.GetArgument(ctx, i, &dynamic); err != nil {
		return nil, err
	}
	value, err := dynamic.ToTerraformValue(ctx)
	if err != nil {
		return nil, function.NewArgumentFuncError(int64(i), err.Error())
	}
	plain, err := schema.Manifests(value)
	if err != nil {
		return nil, function.NewArgumentFuncError(int64(i), err.Error())
	}
	return plain, nil
}

// argumentError is an error about an argument other than the first.
type argumentError struct {
	argument int64 // counted from 0
	err      error
}

func (e *argumentError) Error() string { return e.err.Error() }

func (e *argumentError) Unwrap() error { return e.err }
