package compile

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"terraform-provider-emissary/crds/v3alpha1"
)

// unspoilt are fields that nothing is made of, by kind: there is nothing to spoil in them.
var unspoilt = map[string][]string{
	"Mapping": {"ambassador_id", "docs", "modules", "envoy_override", "outlier_detection", "bypass_error_response_overrides",
		"error_response_overrides", "v2ExplicitTLS", "v2BoolHeaders", "v2BoolQueryParameters", "cors.v2CommaSeparatedOrigins", "labels.generic_key.v2Shorthand"},
	"Host":             {"ambassador_id", "acmeProvider", "previewUrl", "tls.cert_chain_file", "tls.private_key_file", "tls.cacert_chain_file"},
	"TLSContext":       {"ambassador_id", "cert_chain_file", "private_key_file", "cacert_chain_file", "redirect_cleartext_from"},
	"TCPMapping":       {"ambassador_id", "v2ExplicitTLS"},
	"Listener":         {"ambassador_id"},
	"AuthService":      {"ambassador_id", "v2ExplicitTLS"},
	"RateLimitService": {"ambassador_id", "v2ExplicitTLS"},
	"LogService":       {"ambassador_id"},
	"TracingService":   {"ambassador_id", "config.access_token_file", "config.collector_cluster", "config.propagation_modes"},
}

// TestEveryFieldIsSpoilt keeps the installs in testdata/poison complete: a new field of the API has to be in one of them.
func TestEveryFieldIsSpoilt(t *testing.T) {
	t.Parallel()
	present := map[string]bool{}
	files, _ := filepath.Glob("testdata/poison/*.yaml")
	for _, file := range files {
		for _, d := range documents(t, file) {
			if spec, ok := d["spec"].(document); ok {
				note(present, d["kind"].(string), spec)
			}
		}
	}
	for _, spec := range []any{v3alpha1.MappingSpec{}, v3alpha1.HostSpec{}, v3alpha1.TLSContextSpec{}, v3alpha1.TCPMappingSpec{}, v3alpha1.ListenerSpec{},
		v3alpha1.AuthServiceSpec{}, v3alpha1.RateLimitServiceSpec{}, v3alpha1.LogServiceSpec{}, v3alpha1.TracingServiceSpec{}} {
		kind := strings.TrimSuffix(reflect.TypeOf(spec).Name(), "Spec")
		for _, path := range fields("", reflect.TypeOf(spec)) {
			excused := slices.ContainsFunc(unspoilt[kind], func(e string) bool { return path == e || strings.HasPrefix(path, e+".") })
			if !present[kind+"."+path] && !excused && !strings.HasSuffix(path, ".v2Representation") {
				t.Errorf("%s: no install in testdata/poison has %s", kind, path)
			}
		}
	}
}

// note remembers the fields that a value has. Items of lists, and what is under keys that users make up, count as the
// list or the object itself.
func note(present map[string]bool, path string, value any) {
	switch value := value.(type) {
	case document:
		for key, child := range value {
			if strings.HasPrefix(key, "x-") {
				note(present, path, child)
				continue
			}
			present[path+"."+key] = true
			note(present, path+"."+key, child)
		}
	case []any:
		for _, item := range value {
			note(present, path, item)
		}
	}
}

// fields lists the JSON paths of the fields of a type that is one of ours.
func fields(path string, of reflect.Type) (paths []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || !strings.HasSuffix(of.PkgPath(), "v3alpha1") {
		return nil
	}
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			paths = append(paths, fields(path, field.Type)...) // inlined
			continue
		}
		paths = append(append(paths, path+name), fields(path+name+".", field.Type)...)
	}
	return paths
}
