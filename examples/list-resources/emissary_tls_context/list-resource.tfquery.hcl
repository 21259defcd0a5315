# Find the TLSContexts of a namespace.
list "emissary_tls_context" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
