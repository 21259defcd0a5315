package convert

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	// onlyV3alpha1 prefixes the entries of ambassador_id in objects that Emissary converted down from v3alpha1, so that
	// an Ambassador 1.x in the same cluster leaves them alone.
	onlyV3alpha1 = "--apiVersion-v3alpha1-only--"
	// skipEmptyHost is the host that a v3alpha1 Mapping without a hostname has in v2, where no host means any.
	skipEmptyHost = "_skip_mapping_with_empty_host_"
)

// Marked reports whether Emissary's conversion webhook has written an object in an older version that was made as
// v3alpha1: it leaves marks so that an Ambassador 1.x passes over the object.
func Marked(object map[string]any) bool {
	spec, _ := object["spec"].(map[string]any)
	ids, _ := spec["ambassador_id"].([]any)
	return spec["host"] == skipEmptyHost || slices.ContainsFunc(ids, func(id any) bool {
		text, _ := id.(string)
		return strings.HasPrefix(text, onlyV3alpha1)
	})
}

// ambassadorID is a list or one text; Hosts may say ambassadorId as well.
func (s *section) ambassadorID() {
	var ids []any
	for _, field := range []string{"ambassador_id", "ambassadorId"} {
		s.list(field)
		list, _ := s.fields[field].([]any)
		for _, id := range list {
			if text, ok := id.(string); ok {
				id = strings.TrimPrefix(text, onlyV3alpha1)
			}
			ids = append(ids, id)
		}
		delete(s.fields, field)
	}
	if ids != nil {
		s.fields["ambassador_id"] = ids
	}
}

func (s *section) mapping() {
	s.hostname()
	s.tls("service")
	s.presence("headers", "regex_headers", "v2BoolHeaders")
	s.presence("query_parameters", "regex_query_parameters", "v2BoolQueryParameters")
	s.addedHeaders("add_request_headers")
	s.addedHeaders("add_response_headers")
	s.list("remove_request_headers")
	s.list("remove_response_headers")
	s.cors()
	s.labels()
}

// hostname: v2 has host, a name or a regular expression, and none of them means any host. In v3alpha1 that is "*", and
// a Mapping with neither is taken by the Hosts that select it by its labels.
func (s *section) hostname() {
	host, isText := s.fields["host"].(string)
	if !isText && s.fields["host"] != nil {
		s.fail("host", "text", s.fields["host"])
		return
	}
	if regex, _ := s.fields["host_regex"].(bool); regex {
		if host == "" { // No name for a Host to find it by.
			delete(s.fields, "host")
		}
		return // v3alpha1 has both fields, deprecated, for this alone
	}
	s.rename("hostname", "host")
	switch s.fields["hostname"] {
	case skipEmptyHost:
		delete(s.fields, "hostname")
	case nil, "":
		s.fields["hostname"] = "*"
	}
}

// tls is the name of a TLSContext or a boolean. True means https://, whatever scheme the service has, which is
// remembered where it is another one; false says nothing, and a service that says https:// keeps it.
func (s *section) tls(service string) {
	value, given := s.fields["tls"]
	if !given {
		return
	}
	switch v := value.(type) {
	case nil:
		delete(s.fields, "tls")
	case string:
		if v == "" {
			delete(s.fields, "tls")
			s.fields["v2ExplicitTLS"] = map[string]any{"tls": "string"}
		}
	case bool:
		delete(s.fields, "tls")
		explicit := map[string]any{"tls": "bool:" + strconv.FormatBool(v)}
		s.fields["v2ExplicitTLS"] = explicit
		if name, ok := s.fields[service].(string); ok && name != "" && v {
			if scheme, rest := cutScheme(name); !strings.EqualFold(scheme, "https://") {
				explicit["serviceScheme"] = scheme
				s.fields[service] = "https://" + rest
			}
		}
	default:
		s.fail("tls", "the name of a TLSContext, true or false", v)
	}
}

// cutScheme splits "http://name" after the scheme, in any letter case.
func cutScheme(service string) (scheme, rest string) {
	for _, scheme := range []string{"http://", "https://"} {
		if len(service) >= len(scheme) && strings.EqualFold(service[:len(scheme)], scheme) {
			return service[:len(scheme)], service[len(scheme):]
		}
	}
	return "", service
}

// presence: a value may be true, which asks only that the header or query parameter is there. False asks for nothing,
// and never did.
func (s *section) presence(exact, regex, remembered string) {
	values := s.section(exact)
	if values == nil {
		return
	}
	present := []any{}
	for _, name := range slices.Sorted(maps.Keys(values.fields)) {
		switch v := values.fields[name].(type) {
		case string:
		case bool:
			delete(values.fields, name)
			if v {
				present = append(present, name)
			}
		default:
			values.fail(name, "text, true or false", v)
		}
	}
	if len(values.fields) == 0 {
		delete(s.fields, exact)
	}
	if len(present) == 0 {
		return
	}
	if s.fields[regex] == nil {
		s.fields[regex] = map[string]any{}
	}
	patterns := s.section(regex)
	if patterns == nil {
		return
	}
	for _, name := range present {
		name, _ := name.(string)
		if _, given := patterns.fields[name]; !given { // A pattern asks for more.
			patterns.fields[name] = ".*"
		}
	}
	s.fields[remembered] = present
}

// addedHeaders: a header is {value, append}, its value alone, or null.
func (s *section) addedHeaders(field string) {
	headers := s.section(field)
	if headers == nil {
		return
	}
	for name, value := range headers.fields {
		switch v := value.(type) {
		case string:
			headers.fields[name] = map[string]any{"value": v, "v2Representation": "string"}
		case nil:
			headers.fields[name] = map[string]any{"v2Representation": "null"}
		case map[string]any:
		default:
			headers.fail(name, "text, or an object with value and append", v)
		}
	}
}

// cors: origins may be one text with commas; the other lists may be one text.
func (s *section) cors() {
	cors := s.section("cors")
	if cors == nil {
		return
	}
	cors.list("methods")
	cors.list("headers")
	cors.list("exposed_headers")
	if text, ok := cors.fields["origins"].(string); ok {
		origins := []any{}
		for origin := range strings.SplitSeq(text, ",") {
			origins = append(origins, strings.TrimSpace(origin))
		}
		cors.fields["origins"] = origins
		cors.fields["v2CommaSeparatedOrigins"] = true
		return
	}
	cors.list("origins")
}

// tcpMapping: in v2, a service of a TCPMapping had no scheme that could be remembered.
func (s *section) tcpMapping() {
	s.tls("service")
	if explicit := s.section("v2ExplicitTLS"); explicit != nil {
		delete(explicit.fields, "serviceScheme")
	}
}

func (s *section) authService() {
	s.tls("auth_service")
	headers := s.section("add_auth_headers")
	if headers == nil {
		return
	}
	for name, value := range headers.fields {
		if b, ok := value.(bool); ok {
			headers.fields[name] = strconv.FormatBool(b)
		}
	}
}

func (s *section) host() {
	s.rename("mappingSelector", "selector")
	if tls := s.section("tls"); tls != nil {
		tls.rename("crl_secret", "v3CRLSecret")
	}
}

// tracingService: tag_headers became custom_tags. Where both are given the newer field counts.
func (s *section) tracingService() {
	if config := s.section("config"); config != nil {
		config.rename("propagation_modes", "v3PropagationModes")
	}
	s.list("tag_headers")
	headers, _ := s.fields["tag_headers"].([]any)
	delete(s.fields, "tag_headers")
	if tags, _ := s.fields["custom_tags"].([]any); len(tags) > 0 || len(headers) == 0 {
		return
	}
	tags := make([]any, len(headers))
	for i, header := range headers {
		tags[i] = map[string]any{"tag": header, "request_header": map[string]any{"name": header}}
	}
	s.fields["custom_tags"] = tags
}
