# Find the Listeners of a namespace.
list "emissary_listener" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
