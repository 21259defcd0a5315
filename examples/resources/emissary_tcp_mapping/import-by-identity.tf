import {
  to = emissary_tcp_mapping.example
  identity = {
    name      = "postgres"
    namespace = "default"
  }
}
