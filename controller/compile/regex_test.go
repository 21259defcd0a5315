package compile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

// expressions are regular expressions in which Go, RE2 and RE2 on Latin-1 do not all agree, and whether Envoy takes them.
var expressions = map[string]bool{
	`/a+?(?i)b`:                       true,
	`/(?<n>a)(?P<m>b)`:                true,
	`/\Qa(\E\z`:                       true,
	`/\Q\p{Letter}\E`:                 true,
	`/\\p{Letter}`:                    true,
	`/\pN\PN\p{^Lu}\P{^Greek}\p{Any}`: true,
	`/\p{Old_Italic}[\p{Lu}a]`:        true,
	`/[[:word:][:^alpha:]]`:           true,
	`/é[é-ê]\xe9\x{e9}\351\0`:         true,
	`/(a{10}){100}`:                   true,
	`/(|a)*a{0}`:                      true,
	`/\p{Letter}`:                     false,
	`/\p{Script=Greek}`:               false,
	`/\p{greek}`:                      false,
	`/\p{Cn}`:                         false,
	`/\p{`:                            false,
	`/\p`:                             false,
	`/\x{100}`:                        false,
	`/\777`:                           false,
	`/[\xe0-é]`:                       false,
	`/(a{1000}){2}`:                   false,
	`/a**`:                            false,
	`/(?=a)`:                          false,
	`/\8`:                             false,
	`/a\`:                             false,
}

// TestRegexesAreThoseOfEnvoy compares the answer about a regular expression with that of a real Envoy.
func TestRegexesAreThoseOfEnvoy(t *testing.T) {
	t.Parallel()
	var taken []configuration
	ask := &oracle{}
	take := func(pattern string) { taken = append(taken, configuration{pattern, routing(t, pattern)}) }
	for pattern, fine := range expressions {
		err := checkRegex("prefix", pattern, 2000)
		if (err == nil) != fine {
			t.Errorf("%q: error %v, want one: %t", pattern, err, !fine)
		}
		if fine {
			take(pattern)
		} else if ask.ask(t, []configuration{{pattern, routing(t, pattern)}}) == "" {
			t.Errorf("%q: Envoy takes it", pattern)
		}
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		for name := range tables {
			if pattern := `\p{` + name + `}`; checkRegex("prefix", pattern, 200) == nil {
				take(pattern)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for len(taken) < 2000 {
		var pattern strings.Builder
		for range 1 + random.IntN(8) {
			pattern.WriteString(expressionParts[random.IntN(len(expressionParts))])
		}
		if checkRegex("prefix", pattern.String(), 200) == nil {
			take(pattern.String())
		}
	}
	for pattern, words := range ask.refused(t, taken) {
		t.Errorf("%q: Envoy says: %s", pattern, words)
	}
}

// expressionParts are what random regular expressions are made of.
var expressionParts = strings.Fields(`/ a b é ÿ . * + ? *? +? {2} {2,} {0,3} {,2} ( ) (?: (?i) (?s-i: (?P<n> (?<m> | [ ] [^ a-c - ^ $ \A \z \b \B \d \W \s
	[:alpha:] [[:digit:]] \pL \p{Lu} \P{^Greek} \p{Old_Italic} \x41 \x{e9} \xe9 \101 \0 \n \t \_ \. \Q \E \\ { } : , " # % ~`)

// routing is a configuration with a route that has a regular expression, unchecked.
func routing(t *testing.T, pattern string) *Output {
	t.Helper()
	quoted, err := json.Marshal(pattern)
	if err != nil {
		t.Fatal(err)
	}
	routes := &routev3.RouteConfiguration{}
	if err := protojson.Unmarshal(fmt.Appendf(nil, `{"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{
		"match": {"safe_regex": {"regex": %s}}, "direct_response": {"status": 200}}]}]}`, quoted), routes); err != nil {
		t.Fatal(err)
	}
	listener := &listenerv3.Listener{}
	if err := protojson.Unmarshal(fmt.Appendf(nil, `{"name": %s, "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}},
		"filter_chains": [{"filters": [{"name": "h", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
		"stat_prefix": "h", "rds": {"route_config_name": "r", "config_source": {"ads": {}}}, "http_filters": [{"name": "r", "typed_config": {
		"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}`, quoted), listener); err != nil {
		t.Fatal(err)
	}
	return &Output{Routes: []*routev3.RouteConfiguration{routes}, Listeners: []*listenerv3.Listener{listener}}
}
