import {
  to = emissary_auth_service.example
  identity = {
    name      = "authentication"
    namespace = "default"
  }
}
