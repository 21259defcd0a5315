# Find the TCPMappings of a namespace.
list "emissary_tcp_mapping" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
