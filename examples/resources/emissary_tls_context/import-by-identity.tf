import {
  to = emissary_tls_context.example
  identity = {
    name      = "modern"
    namespace = "default"
  }
}
