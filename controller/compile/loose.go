package compile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"terraform-provider-emissary/crds/v3alpha1"
)

// The Module is free-form: nothing checked its types before, and Emissary is lenient about some. The helpers here read
// one key strictly (unknown fields inside are errors), and the loose types accept the spellings Emissary does.

// into returns a reader that decodes a key into target, which keeps its value when that fails.
func into[T any](target *T) func(json.RawMessage) error {
	return checked(target, func(T) error { return nil })
}

// checked is into with a check of the decoded value.
func checked[T any](target *T, check func(T) error) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var value T
		if err := strict(raw, &value); err != nil {
			return err
		}
		if err := check(value); err != nil {
			return err
		}
		*target = value
		return nil
	}
}

// strict decodes JSON and refuses unknown fields.
func strict(raw json.RawMessage, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(value)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType):
		field := ""
		if wrongType.Field != "" {
			field = wrongType.Field + ": "
		}
		return fmt.Errorf("%sa %s stands where %s belongs", field, wrongType.Value, described(wrongType.Type))
	default:
		return fmt.Errorf("%s cannot be read: %s", raw, strings.TrimPrefix(err.Error(), "json: "))
	}
}

// described names what JSON a Go type is written as.
func described(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "a whole number"
	}
}

// looseList is a list of strings that may be written as one comma separated string.
type looseList []string

// UnmarshalJSON accepts a list or a string.
func (l *looseList) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*l = nil
		for _, item := range strings.Split(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				*l = append(*l, item)
			}
		}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(l))
}

// looseBool is true or false, which may be written as a string in one of the spellings Emissary knows.
type looseBool bool

// UnmarshalJSON accepts a boolean or a string.
func (b *looseBool) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return json.Unmarshal(raw, (*bool)(b))
	}
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "on", "1":
		*b = true
	case "false", "f", "no", "n", "off", "0", "":
		*b = false
	default:
		return &json.UnmarshalTypeError{Value: "string", Type: reflect.TypeFor[bool]()}
	}
	return nil
}

// looseText is a string that may be written as a number.
type looseText string

// UnmarshalJSON accepts a string or a number.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var number json.Number
	if err := json.Unmarshal(raw, &number); err == nil {
		*t = looseText(number)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// looseHeader is a header to add, written as its value alone or as {value, append}.
type looseHeader v3alpha1.AddedHeader

// UnmarshalJSON accepts a string or an object.
func (h *looseHeader) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &h.Value); err == nil {
		return nil
	}
	return json.Unmarshal(raw, (*v3alpha1.AddedHeader)(h))
}

// added converts to the type Mappings use.
func added(headers map[string]looseHeader) map[string]v3alpha1.AddedHeader {
	if headers == nil {
		return nil
	}
	converted := make(map[string]v3alpha1.AddedHeader, len(headers))
	for name, header := range headers {
		converted[name] = v3alpha1.AddedHeader(header)
	}
	return converted
}
