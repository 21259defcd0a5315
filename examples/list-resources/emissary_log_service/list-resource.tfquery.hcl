# Find the LogServices of a namespace.
list "emissary_log_service" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
