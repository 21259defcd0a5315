# Find the Modules of a namespace.
list "emissary_module" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
