import {
  to = emissary_kubernetes_endpoint_resolver.example
  identity = {
    name      = "endpoint"
    namespace = "default"
  }
}
