variable "node" {
  type        = string
  description = "The node that is taken down, after kubectl cordon."
}

# terraform apply -invoke=action.emissary_drain.node -var node=worker-1
action "emissary_drain" "node" {
  config {
    name      = "emissary-ingress"
    namespace = "emissary"
    node      = var.node
    timeout   = "15m"
  }
}
