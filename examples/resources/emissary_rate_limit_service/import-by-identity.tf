import {
  to = emissary_rate_limit_service.example
  identity = {
    name      = "rate-limit"
    namespace = "default"
  }
}
