# Find the KubernetesEndpointResolvers of a namespace.
list "emissary_kubernetes_endpoint_resolver" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
