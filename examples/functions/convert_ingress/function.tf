# Turn an Ingress into Hosts and Mappings.
locals {
  objects = provider::emissary::convert_ingress(provider::emissary::manifest_decode(<<-YAML
    apiVersion: extensions/v1beta1
    kind: Ingress
    metadata:
      name: shop
      namespace: market
    spec:
      tls:
        - hosts: [shop.example.com]
          secretName: shop-tls
      rules:
        - host: shop.example.com
          http:
            paths:
              - path: /cart
                backend:
                  serviceName: cart
                  servicePort: 8080
  YAML
  ))
}

output "objects" {
  value = provider::emissary::manifest_encode(local.objects)
}
