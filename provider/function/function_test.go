package function_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/provider"
	"terraform-provider-emissary/provider/schema"
)

// call calls a function as Terraform does. Arguments and result are plain values.
func call(t *testing.T, name string, arguments ...any) (any, *tfprotov6.FunctionError) {
	t.Helper()
	server := provider.NewServer("test")
	functions, err := server.GetFunctions(t.Context(), &tfprotov6.GetFunctionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	f := functions.Functions[name]
	if f == nil || len(f.Parameters) != len(arguments) {
		t.Fatalf("there is no function %s of %d arguments", name, len(arguments))
	}
	req := &tfprotov6.CallFunctionRequest{Name: name}
	for i, argument := range arguments {
		value, err := tfprotov6.NewDynamicValue(f.Parameters[i].Type, schema.Decode(argument))
		if err != nil {
			t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &value)
	}
	resp, err := server.CallFunction(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return nil, resp.Error
	}
	value, err := resp.Result.Unmarshal(f.Return.Type)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := schema.Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	return plain, nil
}

// gives checks the result of a call. Wanted is its result as YAML, where nothing is the same as null.
func gives(t *testing.T, wanted string, name string, arguments ...any) {
	t.Helper()
	got, funcErr := call(t, name, arguments...)
	if funcErr != nil {
		t.Errorf("%s: %s", name, funcErr.Text)
		return
	}
	same(t, object(t, wanted), got)
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(present(want), present(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// present is a value without the members of objects that are null.
func present(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, member := range value {
			if member != nil {
				object[name] = present(member)
			}
		}
		return object
	case []any:
		list := []any{}
		for _, element := range value {
			list = append(list, present(element))
		}
		return list
	default:
		return value
	}
}

// fails checks that a call is refused because of an argument, with these texts in the message.
func fails(t *testing.T, argument int64, wanted []string, name string, arguments ...any) {
	t.Helper()
	got, funcErr := call(t, name, arguments...)
	switch {
	case funcErr == nil:
		t.Errorf("%s accepts it: %v", name, got)
		return
	case funcErr.FunctionArgument == nil || *funcErr.FunctionArgument != argument:
		t.Errorf("%s: the error is about argument %v, want %d", name, funcErr.FunctionArgument, argument)
	}
	for _, want := range wanted {
		if !strings.Contains(funcErr.Text, want) {
			t.Errorf("%s: error %q does not say %q", name, funcErr.Text, want)
		}
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return value
}

// object is YAML as an argument.
func object(t *testing.T, text string) any {
	t.Helper()
	return wholeNumbers(parsed(t, text))
}

// wholeNumbers gives numbers the type that Terraform's have.
func wholeNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = wholeNumbers(item)
		}
	case []any:
		for i, item := range v {
			v[i] = wholeNumbers(item)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

// Every function and parameter is described, and shows in the provider's schema.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	schemas, err := provider.NewServer("test").GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil || len(schemas.Diagnostics) > 0 {
		t.Fatal(err, schemas.Diagnostics)
	}
	if len(schemas.Functions) != 7 {
		t.Errorf("%d functions are served, want 7", len(schemas.Functions))
	}
	for name, f := range schemas.Functions {
		if f.Summary == "" || f.Description == "" {
			t.Errorf("%s has no summary or no description", name)
		}
		for _, parameter := range f.Parameters {
			if parameter.Description == "" || parameter.AllowUnknownValues {
				t.Errorf("%s: parameter %s has no description, or takes values that are not known", name, parameter.Name)
			}
		}
	}
}

func TestParseService(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"https://quote.shop:8443": "{scheme: https, tls: true, host: quote.shop, name: quote, namespace: shop, port: 8443, explicit_port: true}",
		"quote":                   "{tls: false, host: quote, name: quote, port: 80, explicit_port: false}",
		"http://www.example.com":  "{scheme: http, tls: false, host: www.example.com, port: 80, explicit_port: false}",
		"[::1]:99":                `{tls: false, host: "::1", port: 99, explicit_port: true}`,
		"tcp://quote:1": `{tls: false, host: quote, name: quote, port: 1, explicit_port: true,
			ignored: 'service "tcp://quote:1": the scheme tcp has no effect: use http:// or https://'}`,
	}
	for text, want := range tests {
		gives(t, want, "parse_service", text)
	}
	fails(t, 0, []string{`"quote:70000"`, `port "70000" is not a number from 1 to 65535`}, "parse_service", "quote:70000")
	fails(t, 0, []string{`"user@quote"`, "[http[s]://]name[.namespace][:port]"}, "parse_service", "user@quote")
}
