import {
  to = emissary_dev_portal.example
  identity = {
    name      = "portal"
    namespace = "default"
  }
}
