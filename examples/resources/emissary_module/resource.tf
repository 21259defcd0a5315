# Settings of the whole instance.
resource "emissary_module" "example" {
  name      = "ambassador"
  namespace = "default"

  config = {
    diagnostics = {
      enabled = false
    }
    cluster_request_timeout_ms = 10000
    gzip = {
      min_content_length = 256
      content_type       = ["application/json", "text/html"]
    }
  }
}
