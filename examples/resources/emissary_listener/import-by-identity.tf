import {
  to = emissary_listener.example
  identity = {
    name      = "https"
    namespace = "default"
  }
}
