# Find the DevPortals of a namespace.
list "emissary_dev_portal" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
