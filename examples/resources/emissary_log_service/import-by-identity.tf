import {
  to = emissary_log_service.example
  identity = {
    name      = "access-log"
    namespace = "default"
  }
}
