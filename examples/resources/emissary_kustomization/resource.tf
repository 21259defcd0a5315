# The folder `shop` has a kustomization.yaml.
resource "emissary_kustomization" "example" {
  path = "${path.module}/shop"
}

# An overlay in the configuration, over the same base.
resource "emissary_kustomization" "staging" {
  path = path.module
  kustomization = {
    resources  = ["shop", "limits.yaml"]
    nameSuffix = "-staging"
    patches = [{
      target = { kind = "Mapping" }
      path   = "timeout.yaml"
    }]
  }
  files = {
    "timeout.yaml" = yamlencode([{ op = "replace", path = "/spec/timeout_ms", value = 10000 }])
    "limits.yaml" = yamlencode({
      apiVersion = "v1"
      kind       = "ConfigMap"
      metadata   = { name = "limits" }
      data       = { requests = "100" }
    })
  }

  timeouts {
    create = "5m"
  }
}
