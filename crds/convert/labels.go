package convert

import (
	"fmt"
	"slices"
)

// labels converts what a RateLimitService counts the requests of a Mapping by: domain → groups → group name → labels.
// Only the labels themselves are spelled differently.
func (s *section) labels() {
	domains := s.section("labels")
	if domains == nil {
		return
	}
	for domain, value := range domains.fields {
		if value == nil { // It counts nothing.
			delete(domains.fields, domain)
			continue
		}
		groups, ok := value.([]any)
		if !ok {
			domains.fail(domain, "a list of label groups", value)
			continue
		}
		for i, group := range groups {
			domains.labelGroup(fmt.Sprintf("%s[%d]", domain, i), group)
		}
	}
	if len(domains.fields) == 0 {
		delete(s.fields, "labels")
	}
}

func (s *section) labelGroup(place string, value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		s.fail(place, "an object with the name of the label group", value)
		return
	}
	group := &section{path: s.path + "." + place, fields: fields, errs: s.errs}
	for name, value := range fields {
		labels, ok := value.([]any)
		if !ok {
			group.fail(name, "a list of labels", value)
			continue
		}
		labels = slices.DeleteFunc(labels, func(label any) bool { return label == nil }) // Nor do they.
		fields[name] = labels
		for i, label := range labels {
			if labels[i] = convertLabel(label); labels[i] == nil {
				group.fail(fmt.Sprintf("%s[%d]", name, i), "text, {generic_key: text} or {key: {header: name}}", label)
			}
		}
	}
}

// convertLabel converts one label; nil when it is none.
func convertLabel(label any) any {
	switch v := label.(type) {
	case string:
		switch v {
		case "source_cluster", "destination_cluster", "remote_address":
			return map[string]any{v: map[string]any{"key": v}}
		}
		return map[string]any{"generic_key": map[string]any{"value": v, "v2Shorthand": true}}
	case map[string]any:
		if value, ok := v["generic_key"].(string); ok {
			generic := map[string]any{"value": value}
			// Emissary forgets v3Key on the way, so that labels with a key of their own are counted under
			// "generic_key" after an upgrade. That is a defect, and not copied.
			if key, ok := v["v3Key"].(string); ok && key != "" {
				generic["key"] = key
			}
			return map[string]any{"generic_key": generic}
		}
		if len(v) != 1 {
			return nil
		}
		for key, value := range v {
			return convertHeaderLabel(key, value)
		}
	}
	return nil
}

// convertHeaderLabel converts {key: {header: name}}. Labels that are spelled as in v3alpha1 already stay as they are.
func convertHeaderLabel(key string, value any) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	header, ok := fields["header"].(string)
	if !ok {
		if _, newer := fields["key"]; newer || key == "generic_key" {
			return map[string]any{key: fields}
		}
		return nil
	}
	request := map[string]any{"key": key, "header_name": header}
	if omit, ok := fields["omit_if_not_present"]; ok {
		request["omit_if_not_present"] = omit
	}
	return map[string]any{"request_headers": request}
}
