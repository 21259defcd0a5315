// Package convert turns objects of the older versions of the getambassador.io API, v1 and v2, into v3alpha1, as
// Emissary's conversion webhook does. It is pure and works on untyped content: what it returns still has to be
// validated against v3alpha1's schema, which is also what finds fields that no version has.
//
// The two older versions have the same fields and are more liberal in what they take: one text where v3alpha1 wants a
// list, true where it wants text. Where such a spelling has a place in v3alpha1 (v2ExplicitTLS, v2BoolHeaders,
// v2Representation and so on), it is kept there, as Emissary does.
package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// Group is the API group of every object this package knows.
	Group = "getambassador.io"
	// annotationGroup is an older name of the group. Only objects inside annotations may use it.
	annotationGroup = "ambassador"
	// Version is the version that objects are converted to.
	Version = "v3alpha1"
)

// olderVersions are those that are converted.
var olderVersions = []string{"v1", "v2"}

// backPorted are the fields that v2 got after v3alpha1 had them, under names that say so, and their names in v3alpha1.
var backPorted = map[string]string{
	"v3StatsName":       "stats_name",
	"v3CRLSecret":       "crl_secret",
	"v3health_checks":   "health_checks",
	"v3CircuitBreakers": "circuit_breakers",
	"v3GRPC":            "grpc",
	"v3ProtocolVersion": "protocol_version",
	"v3CustomTags":      "custom_tags",
}

// Known reports whether an apiVersion is one of getambassador.io that can be converted, or v3alpha1 itself.
// "ambassador/v2", which objects inside annotations may say, counts too.
func Known(apiVersion string) bool {
	group, version, _ := strings.Cut(apiVersion, "/")
	return (group == Group || group == annotationGroup) && (version == Version || slices.Contains(olderVersions, version))
}

// ToV3alpha1 returns the object in getambassador.io/v3alpha1; the object handed in is left as it is. One that is
// v3alpha1 already is copied. The error names every field that cannot be converted, its value and what is allowed; it
// says nothing about fields that are not spelled differently in v3alpha1.
func ToV3alpha1(object map[string]any) (map[string]any, error) {
	apiVersion, _ := object["apiVersion"].(string)
	if !Known(apiVersion) {
		return nil, fmt.Errorf("apiVersion: %q is not known: use %s/%s; %s of the same group are converted",
			apiVersion, Group, Version, strings.Join(olderVersions, " and "))
	}
	out, _ := clone(object).(map[string]any)
	out["apiVersion"] = Group + "/" + Version
	if strings.HasSuffix(apiVersion, "/"+Version) {
		return out, nil
	}
	fields, ok := out["spec"].(map[string]any)
	if !ok {
		if out["spec"] != nil {
			return nil, fmt.Errorf("spec: an object is wanted, not %s", describe(out["spec"]))
		}
		return out, nil
	}
	delete(out, "status") // what another controller said about another version
	s := &section{path: "spec", fields: fields, errs: &[]error{}}
	s.ambassadorID()
	for older, newer := range backPorted {
		s.rename(newer, older)
	}
	switch out["kind"] {
	case "AuthService":
		s.authService()
	case "Host":
		s.host()
	case "Mapping":
		s.mapping()
	case "RateLimitService":
		s.tls("service")
	case "TCPMapping":
		s.tcpMapping()
	case "TracingService":
		s.tracingService()
	}
	return out, errors.Join(*s.errs...)
}

// section is one object within an object, with the path to it for messages.
type section struct {
	path   string
	fields map[string]any
	errs   *[]error
}

// fail notes that the value of a field is not what is wanted. Fields without a value are nothing to complain about.
func (s *section) fail(field, wanted string, value any) {
	*s.errs = append(*s.errs, fmt.Errorf("%s.%s: %s is wanted, not %s", s.path, field, wanted, describe(value)))
}

// section returns an object among the fields; nil when there is none.
func (s *section) section(field string) *section {
	switch v := s.fields[field].(type) {
	case nil:
		return nil
	case map[string]any:
		return &section{path: s.path + "." + field, fields: v, errs: s.errs}
	default:
		s.fail(field, "an object", v)
		return nil
	}
}

// rename moves a field to its name in v3alpha1, unless that is taken.
func (s *section) rename(to, from string) {
	value, ok := s.fields[from]
	if !ok {
		return
	}
	delete(s.fields, from)
	if _, taken := s.fields[to]; !taken {
		s.fields[to] = value
	}
}

// list makes a list of one out of a single text.
func (s *section) list(field string) {
	switch v := s.fields[field].(type) {
	case string:
		s.fields[field] = []any{v}
	case nil, []any:
	default:
		s.fail(field, "a list of text, or one text", v)
	}
}

// clone copies everything that conversion may change.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	default:
		return value
	}
}

// describe renders a value for a message.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("%q", v)
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("%v", v)
	}
}
