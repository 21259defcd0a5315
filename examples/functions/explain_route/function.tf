# Check at every plan that a request still goes where it should.
locals {
  manifests = provider::emissary::manifest_decode_multi(<<-YAML
    apiVersion: getambassador.io/v3alpha1
    kind: Listener
    metadata:
      name: http
    spec:
      port: 8080
      protocol: HTTP
      securityModel: XFP
      hostBinding:
        namespace:
          from: ALL
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

  route = provider::emissary::explain_route(local.manifests, {
    url     = "http://shop.example.com/cart/1"
    headers = { x-version = "2" }
  })
}

check "cart" {
  assert {
    condition     = local.route.mapping == "default/cart"
    error_message = local.route.text
  }
}

output "cart" {
  value = local.route.mapping
}
