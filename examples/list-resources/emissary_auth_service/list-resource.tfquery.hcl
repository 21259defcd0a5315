# Find the AuthServices of a namespace.
list "emissary_auth_service" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
