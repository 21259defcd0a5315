package services

import "strings"

// mirrored turns an Endpoints object into EndpointSlices, one for each subset, as a cluster does.
func mirrored(k key, endpoints map[string]any) []map[string]any {
	var slices []map[string]any
	for i, subset := range items(endpoints, "subsets") {
		var addresses []any
		for _, a := range items(subset, "addresses") {
			addresses = append(addresses, endpoint(text(a, "ip"), true))
		}
		for _, a := range items(subset, "notReadyAddresses") {
			addresses = append(addresses, endpoint(text(a, "ip"), false))
		}
		ports, _ := subset["ports"].([]any)
		slices = append(slices, newSlice(k, i, addresses, ports))
	}
	return slices
}

func newSlice(owner key, index int, endpoints, ports []any) map[string]any {
	addressType := "IPv4"
	if len(endpoints) > 0 {
		first, _ := endpoints[0].(map[string]any)
		if list, _ := first["addresses"].([]any); len(list) > 0 {
			if ip, _ := list[0].(string); strings.Contains(ip, ":") {
				addressType = "IPv6"
			}
		}
	}
	name := key{owner.namespace, owner.name + "-" + itoa(index)}
	slice := newObject("discovery.k8s.io/v1", "EndpointSlice", name, map[string]any{
		"addressType": addressType,
		"endpoints":   endpoints,
		"ports":       ports,
	})
	child(slice, "metadata")["labels"] = map[string]any{serviceNameLabel: owner.name}
	return slice
}

func endpoint(ip string, ready bool) map[string]any {
	return map[string]any{
		"addresses":  []any{ip},
		"conditions": map[string]any{"ready": ready},
	}
}

func manifestPorts(ports []port) []any {
	var out []any
	for _, p := range ports {
		entry := map[string]any{"port": int64(p.number), "protocol": "TCP"}
		if p.name != "" {
			entry["name"] = p.name
		}
		out = append(out, entry)
	}
	return out
}

func targetPorts(ports []port) []any {
	var out []any
	for _, p := range ports {
		out = append(out, map[string]any{"name": p.name, "port": int64(p.target), "protocol": "TCP"})
	}
	return out
}
