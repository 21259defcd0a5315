# terraform apply -invoke=action.emissary_restart.ingress
action "emissary_restart" "ingress" {
  config {
    name      = "emissary-ingress"
    namespace = "emissary"
  }
}
