# Find the RateLimitServices of a namespace.
list "emissary_rate_limit_service" "example" {
  provider = emissary

  config {
    namespace = "default"
  }
}
