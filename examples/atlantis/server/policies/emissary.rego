# What no pull request may do to an Emissary install, for conftest on the output
# of `terraform show -json`. The attributes are typed, so a rule reads a field and
# parses no YAML.
package main

import rego.v1

# Namespaces that no Mapping may send requests to.
forbidden_namespaces := {"emissary", "kube-node-lease", "kube-public", "kube-system"}

# The resources of a type that will exist after the apply, new or changed.
written(type) := {r |
	some r in input.resource_changes
	r.type == type
	r.change.after != null
	r.change.actions != ["no-op"]
}

deny contains message if {
	some r in written("emissary_host")
	object.get(r.change.after, "tls_secret", null) == null
	not r.change.after_unknown.tls_secret
	message := sprintf("%s serves %q without TLS: set tls_secret", [r.address, object.get(r.change.after, "hostname", "*")])
}

deny contains message if {
	some r in written("emissary_crds")
	r.change.after.deletion_policy == "delete"
	message := sprintf("%s would delete every Host and Mapping of the cluster when it is destroyed: set deletion_policy to \"retain\"", [r.address])
}

deny contains message if {
	some r in written("emissary_mapping")
	some namespace in forbidden_namespaces
	upstream_namespace(r.change.after) == namespace
	message := sprintf("%s sends requests to %q: namespace %q is not for Mappings", [r.address, r.change.after.service, namespace])
}

# What cannot be checked is not allowed.
deny contains message if {
	some r in written("emissary_mapping")
	r.change.after_unknown.service
	message := sprintf("%s: service is known only after the apply, so it cannot be checked: write it out", [r.address])
}

# Of the objects of a kustomization a plan has names, and no fields to check.
deny contains message if {
	some r in written("emissary_kustomization")
	some name, _ in r.change.after.objects
	startswith(name, "getambassador.io/")
	message := sprintf("%s holds %s, whose fields cannot be checked: make it a resource", [r.address, name])
}

deny contains message if {
	some r in written("emissary_kustomization")
	r.change.after_unknown.objects == true
	message := sprintf("%s: its objects are known only after the apply, so they cannot be checked", [r.address])
}

# The namespace of the Service that a Mapping sends requests to. A service is
# [scheme://]name[.namespace[.svc.cluster.local]][:port]; without a namespace it
# is the Mapping's.
upstream_namespace(mapping) := parts[1] if {
	parts := upstream(mapping)
	count(parts) > 1
} else := object.get(mapping, "namespace", "default")

upstream(mapping) := split(split(regex.replace(lower(mapping.service), `^[a-z0-9+.-]+://`, ""), ":")[0], ".")
