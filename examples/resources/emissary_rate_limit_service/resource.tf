# Ask a gRPC service whether a request is within its limits.
resource "emissary_rate_limit_service" "example" {
  name      = "rate-limit"
  namespace = "default"

  service           = "ratelimit.default:8081"
  protocol_version  = "v3"
  domain            = "ambassador"
  timeout_ms        = 50
  failure_mode_deny = true
}
