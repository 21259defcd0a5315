package spec

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Text is a string that YAML may have read as a number or a boolean, such as a TLS version or a port.
type Text string

// UnmarshalJSON accepts any scalar; null is the empty text.
func (t *Text) UnmarshalJSON(data []byte) error {
	s, err := scalar(data)
	if err != nil {
		return err
	}
	*t = Text(s)
	return nil
}

// Strings is one scalar or a list of them.
type Strings []string

// UnmarshalJSON accepts a scalar (one value) or a list of scalars (these values in this order).
func (s *Strings) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*s = nil
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		items = []json.RawMessage{data}
	}
	values := make(Strings, 0, len(items))
	for _, item := range items {
		v, err := scalar(item)
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	*s = values
	return nil
}

// Nullable tells a key that is absent (Set is false) from one that is null (Set, empty Value): null
// expects that there is none.
type Nullable struct {
	Set   bool
	Value string
}

// UnmarshalJSON is called for null too, which is what makes the difference visible.
func (n *Nullable) UnmarshalJSON(data []byte) error {
	s, err := scalar(data)
	if err != nil {
		return err
	}
	*n = Nullable{Set: true, Value: s}
	return nil
}

// Flag is a boolean that may also be given as a name: any name but "false" and "" is true.
type Flag bool

// UnmarshalJSON accepts a boolean, null or a string.
func (f *Flag) UnmarshalJSON(data []byte) error {
	s, err := scalar(data)
	if err != nil {
		return err
	}
	*f = s != "" && s != "false"
	return nil
}

// UnmarshalJSON accepts true, "v1", "v2", a source address, or {version, source}.
func (p *ProxyProtocol) UnmarshalJSON(data []byte) error {
	*p = ProxyProtocol{Version: 1}
	var fields struct {
		Version Text   `json:"version"`
		Source  string `json:"source"`
	}
	if strings.HasPrefix(string(data), "{") {
		if err := json.Unmarshal(data, &fields); err != nil {
			return fmt.Errorf("proxy_protocol: %w", err)
		}
	} else {
		s, err := scalar(data)
		if err != nil {
			return fmt.Errorf("proxy_protocol: %w", err)
		}
		if isAddress(s) {
			fields.Source = s
		} else if s != "true" {
			fields.Version = Text(s)
		}
	}
	p.Source = fields.Source
	if fields.Version != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(string(fields.Version), "v"))
		if err != nil || n < 1 || n > 2 {
			return fmt.Errorf("proxy_protocol %q: want true, v1, v2, a source address, or {version, source}", fields.Version)
		}
		p.Version = n
	}
	return nil
}

func isAddress(s string) bool {
	_, errAddr := netip.ParseAddr(s)
	_, errPort := netip.ParseAddrPort(s)
	return errAddr == nil || errPort == nil
}

// scalar renders a JSON scalar as the text a person wrote; null is empty.
func scalar(data []byte) (string, error) {
	text := string(data)
	switch {
	case text == "null":
		return "", nil
	case strings.HasPrefix(text, `"`):
		var s string
		err := json.Unmarshal(data, &s)
		return s, err
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return "", fmt.Errorf("want a single value, got %s", text)
	default:
		return text, nil
	}
}
