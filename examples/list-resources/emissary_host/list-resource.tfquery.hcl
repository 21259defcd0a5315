# Find the Hosts of a namespace.
list "emissary_host" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
