# Route a path of a host to a Service.
resource "emissary_mapping" "example" {
  name      = "quote"
  namespace = "default"

  hostname = "www.example.com"
  prefix   = "/backend/"
  service  = "quote.default:80"

  timeout_ms = 4000

  retry_policy = {
    retry_on    = "5xx"
    num_retries = 3
  }

  add_request_headers = {
    x-forwarded-by = {
      value = "emissary"
    }
  }

  circuit_breakers = [
    {
      max_connections      = 2048
      max_pending_requests = 1024
    },
  ]

  labels = {
    exposed = "public"
  }

  # The Mapping's own labels, which feed rate limiting.
  rate_limit_labels = {
    ambassador = [
      {
        request_group = [
          { remote_address = { key = "remote_address" } },
          { generic_key = { value = "backend" } },
        ]
      },
    ]
  }
}
