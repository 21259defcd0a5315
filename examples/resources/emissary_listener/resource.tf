# Accept TLS and cleartext HTTP on port 8443 for the Hosts of every namespace.
resource "emissary_listener" "example" {
  name      = "https"
  namespace = "default"

  port           = 8443
  protocol       = "HTTPS"
  security_model = "XFP"

  host_binding = {
    namespace = {
      from = "ALL"
    }
  }
}
