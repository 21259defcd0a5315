# TLS settings shared by Hosts and upstreams.
resource "emissary_tls_context" "example" {
  name      = "modern"
  namespace = "default"

  hosts              = ["*.example.com"]
  secret             = "example-com-certificate"
  secret_namespacing = false

  min_tls_version = "v1.2"
  max_tls_version = "v1.3"
  alpn_protocols  = "h2,http/1.1"
}
