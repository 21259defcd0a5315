# Keep what the pods say before each upgrade.
action "emissary_diagnostics" "before_upgrade" {
  config {
    name      = "emissary-ingress"
    namespace = "emissary"
    path      = "${path.module}/before-upgrade.json"
  }
}

resource "emissary_release" "ingress" {
  name      = "emissary-ingress"
  namespace = "emissary"

  values = {
    replicaCount = 2
  }

  lifecycle {
    action_trigger {
      events  = [before_update]
      actions = [action.emissary_diagnostics.before_upgrade]
    }
  }
}
