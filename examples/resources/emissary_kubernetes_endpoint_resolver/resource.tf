# Balance load over the pods of a Service instead of its cluster IP.
resource "emissary_kubernetes_endpoint_resolver" "example" {
  name      = "endpoint"
  namespace = "default"
}
