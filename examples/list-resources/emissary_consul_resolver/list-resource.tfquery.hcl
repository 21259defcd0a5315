# Find the ConsulResolvers of a namespace.
list "emissary_consul_resolver" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
