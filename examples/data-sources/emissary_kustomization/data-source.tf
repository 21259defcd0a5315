# What `kubectl kustomize` would print, as values, without a cluster.
data "emissary_kustomization" "shop" {
  kustomization = {
    namespace = "shop"
    resources = ["namespace.yaml", "mapping.yaml"]
  }
  files = {
    "namespace.yaml" = yamlencode({ apiVersion = "v1", kind = "Namespace", metadata = { name = "shop" } })
    "mapping.yaml" = yamlencode({
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Mapping"
      metadata   = { name = "cart" }
      spec       = { hostname = "shop.example.com", prefix = "/cart/", service = "cart:8080", timeout_ms = 4000 }
    })
  }
}

# A test of the objects.
check "timeouts" {
  assert {
    condition = alltrue([
      for id, object in data.emissary_kustomization.shop.objects :
      object.spec.timeout_ms <= 10000 if object.kind == "Mapping"
    ])
    error_message = "A Mapping may wait for 10 seconds at most."
  }
}

# All of it as one text, in the order to apply it.
output "manifests" {
  value = join("---\n", [
    for id in flatten(data.emissary_kustomization.shop.tiers) : data.emissary_kustomization.shop.manifests[id]
  ])
}
