package main

import "terraform-provider-emissary/charts"

// rule is what values.yaml does not tell of one key.
type rule struct {
	// schema is the whole schema of the value.
	schema object
	// also are keys besides those in values.yaml: what Emissary's charts have.
	also object
	// open allows any other key.
	open bool
}

// rules are the rules of each chart by path; "" is the root.
var rules = map[string]map[string]rule{
	charts.Ingress: ingressRules(),
	charts.Config:  configRules(),
	charts.CRDs: {
		"":             {also: dependency()},
		"commonLabels": {schema: mapOf(object{"type": "string"})},
		"annotations":  {schema: mapOf(object{"type": "string"})},
	},
}

func ingressRules() map[string]rule {
	all := map[string]rule{
		// Keys that have no default here, and keys of Emissary's charts that this
		// one takes and ignores or refuses in words: see templates/NOTES.txt.
		"": {also: object{
			"securityContext":    note(anyMap(), "Old name of security.podSecurityContext, which it wins over."),
			"ambassadorConfig":   note(anything(), "Not supported: put the resources into the chart emissary-config."),
			"agent":              note(anything(), "Without effect: Emissary's agent is not part of this chart."),
			"docker":             note(anything(), "Without effect."),
			"waitForApiext":      note(anything(), "Without effect: there is no conversion webhook to wait for."),
			"prometheusExporter": note(anything(), "Without effect: the metrics are at /metrics of the admin Service."),
			"redis":              note(anything(), "Without effect: this chart has no Redis."),
			"enabled":            dependency()["enabled"],
		}},
		"adminService":      {also: object{"goPluginMetricsPort": note(port(), "Without effect: there are no plugins in Go.")}},
		"security":          {also: object{"podSecurityPolicy": note(anything(), "Without effect: Kubernetes 1.25 removed it.")}},
		"rbac":              {also: object{"podSecurityPolicies": note(anything(), "Without effect: Kubernetes 1.25 removed them.")}},
		"progressDeadlines": {also: object{"agent": note(whole(), "Without effect.")}},
		// Charts that depend on each other share it.
		"global": {open: true},
		// The keys of a Module's configuration are those of Emissary.
		"module": {open: true}, "module.diagnostics": {open: true},

		"security.podSecurityContext": {schema: anyMap()}, "security.containerSecurityContext": {schema: anyMap()},
		"resources": {schema: anyMap()}, "deploymentStrategy": {schema: anyMap()},
		"livenessProbe": {schema: anyMap()}, "readinessProbe": {schema: anyMap()},
		"autoscaling.metrics": {schema: listOf(object{"type": "object"})},

		"env":               {schema: mapOf(scalar())},
		"image.tag":         {schema: tag()},
		"canary.image.tag":  {schema: tag()},
		"image.pullPolicy":  {schema: oneOf("Always", "IfNotPresent", "Never")},
		"dnsPolicy":         {schema: oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")},
		"restartPolicy":     {schema: oneOf("", "Always", "OnFailure", "Never")},
		"service.type":      {schema: oneOf("ClusterIP", "NodePort", "LoadBalancer")},
		"adminService.type": {schema: oneOf("ClusterIP", "NodePort", "LoadBalancer")},
		"service.ports":     {schema: listOf(servicePort())},

		"service.externalTrafficPolicy": {schema: oneOf("", "Cluster", "Local")},
		"service.internalTrafficPolicy": {schema: oneOf("", "Cluster", "Local")},
		"service.sessionAffinity":       {schema: oneOf("", "None", "ClientIP")},
		"service.ipFamilyPolicy":        {schema: oneOf("", "SingleStack", "PreferDualStack", "RequireDualStack")},
		"service.ipFamilies":            {schema: listOf(object{"enum": []string{"IPv4", "IPv6"}})},

		"service.allocateLoadBalancerNodePorts": {schema: boolean()},
		"service.healthCheckNodePort":           {schema: port()},
		"adminService.port":                     {schema: port()},
		"adminService.snapshotPort":             {schema: port()},
		"adminService.nodePort":                 {schema: port()},
		"service.annotations":                   {schema: mapOf(scalar())},
		"adminService.annotations":              {schema: mapOf(scalar())},

		"namespace.name":                {schema: text()},
		"revisionHistoryLimit":          {schema: whole()},
		"terminationGracePeriodSeconds": {schema: whole()},
		"serviceAccount.extra":          {schema: object{"type": []string{"object", "string", "null"}}},
		"extraObjects":                  {schema: listOf(object{"type": []string{"object", "string"}})},
		"imagePullSecrets":              {schema: listOf(object{"type": []string{"object", "string"}})},
		"global.imagePullSecrets":       {schema: listOf(object{"type": []string{"object", "string"}})},
	}
	for _, path := range []string{"commonLabels", "podLabels", "podAnnotations", "deploymentLabels", "deploymentAnnotations", "nodeSelector",
		"service.labels", "service.selector", "serviceAccount.annotations", "metrics.serviceMonitor.selector"} {
		all[path] = rule{schema: mapOf(object{"type": "string"})}
	}
	for _, path := range []string{"service.loadBalancerSourceRanges", "adminService.loadBalancerSourceRanges", "service.externalIPs"} {
		all[path] = rule{schema: listOf(object{"type": "string"})}
	}
	for _, path := range []string{"hostAliases", "tolerations", "topologySpreadConstraints", "networkPolicy.adminFrom", "networkPolicy.extraIngress",
		"metrics.serviceMonitor.relabelings", "metrics.serviceMonitor.metricRelabelings"} {
		all[path] = rule{schema: listOf(object{"type": "object"})}
	}
	// A list, text holding one, or an empty map, Emissary's spelling of none: the
	// chart itself says what is wrong with it.
	for _, path := range []string{"envRaw", "canary.envRaw", "service.portsRaw", "initContainers", "sidecarContainers",
		"volumes", "volumesRaw", "volumeMounts", "volumeMountsRaw"} {
		all[path] = rule{schema: object{"type": []string{"array", "string", "object", "null"}, "items": object{"type": "object"}}}
	}
	return all
}

func configRules() map[string]rule {
	entries := listOf(object{
		"type": "object", "required": []string{"name"}, "additionalProperties": false,
		"properties": object{
			"name":        note(object{"type": "string", "minLength": 1}, "Name of the object."),
			"labels":      note(mapOf(object{"type": "string"}), "Labels of the object."),
			"annotations": note(mapOf(object{"type": "string"}), "Annotations of the object."),
			"spec":        note(anyMap(), "Spec of the object, as in its manifest."),
		},
	})
	all := map[string]rule{
		"":                {also: dependency()},
		"env":             {schema: mapOf(scalar())},
		"commonLabels":    {schema: mapOf(object{"type": "string"})},
		"listeners.items": {schema: entries},
	}
	for _, kind := range []string{"hosts", "mappings", "tcpmappings", "tlscontexts", "modules", "authservices", "ratelimitservices", "logservices",
		"tracingservices", "devportals", "kubernetesserviceresolvers", "kubernetesendpointresolvers", "consulresolvers"} {
		all[kind] = rule{schema: entries}
	}
	return all
}

// dependency are the keys that a chart gets as a part of another one.
func dependency() object {
	return object{
		"enabled": note(boolean(), "For the condition of a dependency in another chart; not read here."),
		"global":  note(anyMap(), "Shared by charts that depend on each other; not read here."),
	}
}

// The schemas from which the rules are made. A number may be text of digits,
// which is what a template or a --set-string gives and the charts convert.

func text() object     { return object{"type": []string{"string", "null"}} }
func boolean() object  { return object{"type": []string{"boolean", "null"}} }
func anyMap() object   { return object{"type": []string{"object", "null"}} }
func anything() object { return object{} }
func scalar() object   { return object{"type": []string{"string", "number", "boolean", "null"}} }
func tag() object      { return object{"type": []string{"string", "number", "null"}} }

func whole() object {
	return object{"type": []string{"integer", "string", "null"}, "minimum": 0, "pattern": "^[0-9]*$"}
}

func port() object {
	schema := whole()
	schema["maximum"] = 65535
	return schema
}

func oneOf(values ...string) object {
	allowed := []any{}
	for _, value := range values {
		allowed = append(allowed, value)
	}
	return object{"enum": append(allowed, nil)}
}

// listOf is a list of such items; nil is anything.
func listOf(items object) object {
	schema := object{"type": []string{"array", "null"}}
	if items != nil {
		schema["items"] = items
	}
	return schema
}

func mapOf(values object) object {
	return object{"type": []string{"object", "null"}, "additionalProperties": values}
}

func note(schema object, description string) object {
	schema["description"] = description
	return schema
}

func servicePort() object {
	return object{
		"type": "object", "required": []string{"port"}, "additionalProperties": false,
		"properties": object{
			"name":        note(text(), "Name of the port."),
			"port":        note(port(), "Port of the Service."),
			"targetPort":  note(port(), "Port of the pods, on which a Listener listens. Default: port."),
			"protocol":    note(oneOf("TCP", "UDP"), "Default: TCP."),
			"appProtocol": note(text(), "What the port speaks, for load balancers that ask."),
			"nodePort":    note(port(), "Port on every node; not with type ClusterIP."),
			"hostPort":    note(port(), "Port on the node of each pod."),
		},
	}
}
