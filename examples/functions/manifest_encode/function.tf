# Write a manifest for another tool.
output "yaml" {
  value = provider::emissary::manifest_encode({
    apiVersion = "getambassador.io/v3alpha1"
    kind       = "Mapping"
    metadata   = { name = "quote", namespace = "default" }
    spec = {
      hostname = "*"
      prefix   = "/backend/"
      service  = "quote"
    }
  })
}
