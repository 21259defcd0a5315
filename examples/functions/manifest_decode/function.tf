# Read a manifest, usually with file("mapping.yaml").
locals {
  manifest = provider::emissary::manifest_decode(<<-YAML
    apiVersion: getambassador.io/v3alpha1
    kind: Mapping
    metadata:
      name: quote
      namespace: default
    spec:
      hostname: "*"
      prefix: /backend/
      service: quote
  YAML
  )
}

output "prefix" {
  value = local.manifest.spec.prefix
}
