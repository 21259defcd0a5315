# Find the KubernetesServiceResolvers of a namespace.
list "emissary_kubernetes_service_resolver" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
