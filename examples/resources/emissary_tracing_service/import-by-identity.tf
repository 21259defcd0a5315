import {
  to = emissary_tracing_service.example
  identity = {
    name      = "tracing"
    namespace = "default"
  }
}
