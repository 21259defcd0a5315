import {
  to = emissary_module.example
  identity = {
    name      = "ambassador"
    namespace = "default"
  }
}
