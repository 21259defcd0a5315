import {
  to = emissary_kubernetes_service_resolver.example
  identity = {
    name      = "cluster-ip"
    namespace = "default"
  }
}
