# terraform apply -invoke=action.emissary_diagnostics.ingress
action "emissary_diagnostics" "ingress" {
  config {
    name      = "emissary-ingress"
    namespace = "emissary"
    path      = "${path.module}/diagnostics.json"
  }
}
