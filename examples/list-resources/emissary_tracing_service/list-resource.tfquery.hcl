# Find the TracingServices of a namespace.
list "emissary_tracing_service" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
