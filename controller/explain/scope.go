package explain

import (
	"fmt"
	"math"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"github.com/google/cel-go/cel"
)

// A large route table is cut into several route configurations. Which one a request is looked up in is the key of
// scoped routes: the value of a header that the HTTP connection manager works out by a CEL expression before routing.

// formula is a header that gets its value from a CEL expression over the request.
type formula struct {
	header  string
	program cel.Program
}

// newFormulas reads the headers that an HTTP connection manager sets before routing.
func newFormulas(m *hcmv3.HttpConnectionManager) ([]formula, error) {
	var formulas []formula
	for _, extension := range m.EarlyHeaderMutationExtensions {
		config := &headermutationv3.HeaderMutation{}
		if err := extension.GetTypedConfig().UnmarshalTo(config); err != nil {
			return nil, err
		}
		for _, mutation := range config.Mutations {
			header := mutation.GetAppend().GetHeader()
			expression, isCEL := strings.CutPrefix(header.GetValue(), "%CEL(")
			expression, ends := strings.CutSuffix(expression, ")%")
			if !isCEL || !ends {
				return nil, fmt.Errorf("header %s is set before routing, and not by a CEL expression", header.GetKey())
			}
			program, err := newProgram(expression)
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", header.GetKey(), err)
			}
			formulas = append(formulas, formula{strings.ToLower(header.GetKey()), program})
		}
	}
	return formulas, nil
}

// newProgram compiles an expression that chooses among many parts: it may be long.
func newProgram(expression string) (cel.Program, error) {
	env, err := cel.NewEnv(
		cel.Variable("request", cel.MapType(cel.StringType, cel.StringType)),
		cel.ParserExpressionSizeLimit(math.MaxInt32), cel.ParserRecursionLimit(math.MaxInt32),
	)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return env.Program(ast)
}

// apply sets the header of a request to what it is for a host. Only the attributes that a route table is cut by are known.
func (f *formula) apply(s *received, host string) {
	value, _, err := f.program.Eval(map[string]any{"request": map[string]string{"host": host, "url_path": s.pathOnly()}})
	if text, ok := value.Value().(string); err == nil && ok {
		s.headers[f.header] = []string{text}
	}
}

// scopeKey is the key of scoped routes that a request has.
func scopeKey(builder *hcmv3.ScopedRoutes_ScopeKeyBuilder, s *received) []string {
	var key []string
	for _, fragment := range builder.GetFragments() {
		key = append(key, strings.Join(s.header(fragment.GetHeaderValueExtractor().GetName()), ","))
	}
	return key
}

// hasKey reports whether a scope is the one of a key.
func hasKey(scope *routev3.ScopedRouteConfiguration, key []string) bool {
	fragments := scope.GetKey().GetFragments()
	if len(fragments) != len(key) {
		return false
	}
	for i, fragment := range fragments {
		if fragment.GetStringKey() != key[i] {
			return false
		}
	}
	return true
}
