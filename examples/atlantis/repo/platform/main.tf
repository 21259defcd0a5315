terraform {
  required_version = ">= 1.8"

  required_providers {
    emissary = { source = "emissary/emissary" }
  }

  # Any remote state will do; this one needs nothing but the cluster.
  backend "kubernetes" {
    secret_suffix = "platform"
    namespace     = "terraform-state"
  }
}

# No credentials here: each plan and apply takes them from the server's
# environment anew, however long the pull request was open.
provider "emissary" {}

resource "emissary_crds" "this" {}

resource "emissary_release" "ingress" {
  name      = "emissary-ingress"
  namespace = "emissary"

  values = {
    service                = { type = "ClusterIP" }
    createDefaultListeners = true
  }
}
