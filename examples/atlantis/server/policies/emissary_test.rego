package main_test

import data.main
import rego.v1

changes(type, after) := {"resource_changes": [{
	"address": sprintf("%s.this", [type]), "type": type,
	"change": {"actions": ["create"], "after": after, "after_unknown": {}},
}]}

test_host_with_tls if {
	count(main.deny) == 0 with input as changes("emissary_host", {"hostname": "a.example.com", "tls_secret": {"name": "a"}})
}

test_host_without_tls if {
	main.deny == {"emissary_host.this serves \"a.example.com\" without TLS: set tls_secret"} with input as changes("emissary_host", {"hostname": "a.example.com", "tls_secret": null})
}

test_crds_retained if {
	count(main.deny) == 0 with input as changes("emissary_crds", {"deletion_policy": "retain"})
}

test_crds_deleted if {
	count(main.deny) == 1 with input as changes("emissary_crds", {"deletion_policy": "delete", "confirm_data_loss": true})
}

test_mapping_allowed if {
	every service in ["web", "web.shop", "web.shop:8080", "https://web.shop.svc.cluster.local:443"] {
		count(main.deny) == 0 with input as changes("emissary_mapping", {"namespace": "shop", "service": service})
	}
}

test_mapping_forbidden if {
	every service in ["dns.kube-system", "https://dns.kube-system:53", "HTTP://dns.Kube-System.svc.cluster.local"] {
		count(main.deny) == 1 with input as changes("emissary_mapping", {"namespace": "shop", "service": service})
	}
}

test_mapping_in_a_forbidden_namespace if {
	count(main.deny) == 1 with input as changes("emissary_mapping", {"namespace": "kube-system", "service": "dns"})
}

test_unknown_service if {
	unknown := [{
		"address": "emissary_mapping.this", "type": "emissary_mapping",
		"change": {"actions": ["create"], "after": {"namespace": "shop"}, "after_unknown": {"service": true}},
	}]
	count(main.deny) == 1 with input as {"resource_changes": unknown}
}

test_kustomization if {
	count(main.deny) == 0 with input as changes("emissary_kustomization", {"objects": {"apps/Deployment/cart/cart": "sha256:1"}})
}

test_kustomization_with_a_mapping if {
	objects := {"Namespace/cart": "sha256:1", "getambassador.io/Mapping/cart/cart": "sha256:2"}
	main.deny == {"emissary_kustomization.this holds getambassador.io/Mapping/cart/cart, whose fields cannot be checked: make it a resource"} with input as changes("emissary_kustomization", {"objects": objects})
}

test_unknown_objects if {
	unknown := [{
		"address": "emissary_kustomization.this", "type": "emissary_kustomization",
		"change": {"actions": ["create"], "after": {}, "after_unknown": {"objects": true}},
	}]
	count(main.deny) == 1 with input as {"resource_changes": unknown}
}

test_deletion_and_rest_are_allowed if {
	rest := [
		{"address": "a", "type": "emissary_host", "change": {"actions": ["delete"], "after": null}},
		{"address": "b", "type": "emissary_host", "change": {"actions": ["no-op"], "after": {"hostname": "*"}}},
	]
	count(main.deny) == 0 with input as {"resource_changes": rest}
}
