# The ingress, from the chart inside the provider.
resource "emissary_release" "example" {
  name      = "emissary-ingress"
  namespace = "emissary"

  values = {
    replicaCount           = 2
    createDefaultListeners = true
    env = {
      AMBASSADOR_ID = "example"
      AES_LOG_LEVEL = "warn"
    }
  }
}

# Hosts and Mappings that exist as a values file, without a resource for each.
resource "emissary_release" "config" {
  name      = "emissary-config"
  namespace = emissary_release.example.namespace
  chart     = "emissary-config"

  values_yaml = [<<-EOT
    ambassadorID: example
    listeners:
      enabled: false
    hosts:
      - name: example
        spec:
          hostname: "*.example.com"
          requestPolicy:
            insecure:
              action: Route
    mappings:
      - name: quote
        spec:
          hostname: quote.example.com
          prefix: /
          service: quote.default:80
  EOT
  ]
}
