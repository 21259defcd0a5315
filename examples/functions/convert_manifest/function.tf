# Bring a Mapping of Ambassador 1.x to the version of today.
locals {
  mapping = provider::emissary::convert_manifest(provider::emissary::manifest_decode(<<-YAML
    apiVersion: getambassador.io/v2
    kind: Mapping
    metadata:
      name: quote
    spec:
      host: shop.example.com
      prefix: /backend/
      service: quote
  YAML
  ))
}

output "hostname" {
  value = local.mapping.spec.hostname
}
