# Describe the developer portal's content.
resource "emissary_dev_portal" "example" {
  name      = "portal"
  namespace = "default"

  default = true

  content = {
    url    = "https://github.com/datawire/devportal-content-v2"
    branch = "main"
    dir    = "/"
  }

  selector = {
    match_namespaces = ["production"]
  }

  docs = [
    {
      service = "quote"
      url     = "https://quote.example.com/openapi.json"
    },
  ]
}
