# Ask a gRPC service about every request before it is routed.
resource "emissary_auth_service" "example" {
  name      = "authentication"
  namespace = "default"

  auth_service     = "auth.security:3000"
  proto            = "grpc"
  protocol_version = "v3"
  timeout_ms       = 5000

  include_body = {
    max_bytes     = 4096
    allow_partial = true
  }

  status_on_error = {
    code = 503
  }
}
