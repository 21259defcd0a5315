import {
  to = emissary_consul_resolver.example
  identity = {
    name      = "consul-dc1"
    namespace = "default"
  }
}
