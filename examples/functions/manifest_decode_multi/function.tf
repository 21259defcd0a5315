# Read many manifests, usually with file("manifests.yaml").
locals {
  manifests = provider::emissary::manifest_decode_multi(<<-YAML
    apiVersion: getambassador.io/v3alpha1
    kind: Host
    metadata:
      name: shop
    spec:
      hostname: shop.example.com
    ---
    apiVersion: getambassador.io/v3alpha1
    kind: Mapping
    metadata:
      name: cart
    spec:
      hostname: shop.example.com
      prefix: /cart/
      service: cart
  YAML
  )
}

output "names" {
  value = [for m in local.manifests : "${m.kind} ${m.metadata.name}"]
}
