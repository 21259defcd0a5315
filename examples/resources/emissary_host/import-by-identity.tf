import {
  to = emissary_host.example
  identity = {
    name      = "example-com"
    namespace = "default"
  }
}
