package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"terraform-provider-emissary/controller/explain"
	"terraform-provider-emissary/provider/manifests"
)

// requestFields are the attributes of a request that is an object.
var requestFields = []string{"url", "method", "headers", "port", "server_name"}

// Request reads a request as a plain value: a URL, or an object with one. Errors name the attribute.
func Request(value any) (explain.Request, error) {
	fields, isObject := value.(map[string]any)
	if url, isURL := value.(string); isURL {
		fields = map[string]any{"url": url}
	} else if !isObject {
		return explain.Request{}, fmt.Errorf("it is %s: a URL is wanted, or an object with %s", manifests.Describe(value), strings.Join(requestFields, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(requestFields, name) {
			return explain.Request{}, fmt.Errorf("%s is no attribute of a request: there are %s", name, strings.Join(requestFields, ", "))
		}
	}
	texts := map[string]string{}
	for _, name := range []string{"url", "method", "server_name"} {
		text, isText := fields[name].(string)
		if fields[name] != nil && !isText {
			return explain.Request{}, fmt.Errorf("%s is %s: a text is wanted", name, manifests.Describe(fields[name]))
		}
		texts[name] = text
	}
	request, err := explain.NewRequest(texts["method"], texts["url"])
	if err != nil {
		return request, err
	}
	if texts["server_name"] != "" {
		request.ServerName = texts["server_name"]
	}
	if port := fields["port"]; port != nil {
		number, isNumber := port.(int64)
		if !isNumber || number < 1 || number > 65535 {
			return request, fmt.Errorf("port is %s: a number from 1 to 65535 is wanted", manifests.Describe(port))
		}
		request.Port = uint32(number)
	}
	return request, setHeaders(&request, fields["headers"])
}

// setHeaders adds headers, an object of texts; Host replaces the URL's.
func setHeaders(request *explain.Request, value any) error {
	if value == nil {
		return nil
	}
	headers, isObject := value.(map[string]any)
	if !isObject {
		return fmt.Errorf("headers is %s: an object such as { x-version = \"2\" } is wanted", manifests.Describe(value))
	}
	request.Headers = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		text, isText := headers[name].(string)
		switch {
		case !isText:
			return fmt.Errorf("headers.%s is %s: a text is wanted", name, manifests.Describe(headers[name]))
		case strings.EqualFold(name, "host"):
			request.Host = text
		default:
			request.Headers[name] = []string{text}
		}
	}
	return nil
}
