import {
  to = emissary_mapping.example
  identity = {
    name      = "quote"
    namespace = "default"
  }
}
