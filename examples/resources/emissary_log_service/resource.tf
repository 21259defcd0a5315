# Send access logs to a gRPC service.
resource "emissary_log_service" "example" {
  name      = "access-log"
  namespace = "default"

  service          = "als.default:3000"
  driver           = "http"
  protocol_version = "v3"
  grpc             = true

  driver_config = {
    additional_log_headers = [
      {
        header_name     = "x-request-id"
        during_response = false
        during_trailer  = false
      },
    ]
  }

  flush_interval_time      = 2
  flush_interval_byte_size = 16384
}
