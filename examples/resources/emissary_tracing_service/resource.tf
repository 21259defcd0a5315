# Send spans to an OpenTelemetry collector.
resource "emissary_tracing_service" "example" {
  name      = "tracing"
  namespace = "default"

  service = "otel-collector.observability:4317"
  driver  = "opentelemetry"

  sampling = {
    overall = 10
  }

  custom_tags = [
    {
      tag = "tenant"
      request_header = {
        name          = "x-tenant"
        default_value = "none"
      }
    },
  ]
}
