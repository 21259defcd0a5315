# Terminate TLS for a wildcard name with a certificate from another namespace,
# and redirect cleartext requests.
resource "emissary_host" "example" {
  name      = "example-com"
  namespace = "default"

  hostname = "*.example.com"

  tls_secret = {
    name      = "example-com-certificate"
    namespace = "certificates"
  }

  tls = {
    min_tls_version = "v1.2"
    alpn_protocols  = "h2,http/1.1"
  }

  request_policy = {
    insecure = {
      action = "Redirect"
    }
  }

  mapping_selector = {
    match_labels = {
      exposed = "public"
    }
  }
}
