terraform {
  required_version = ">= 1.8"

  required_providers {
    emissary = { source = "emissary/emissary" }
  }

  backend "kubernetes" {
    secret_suffix = "cart"
    namespace     = "terraform-state"
  }
}

provider "emissary" {}

# A team that stays with its manifests: the plan builds the folder of the clone, and
# shows the fields that change. The Mapping is a resource, which policies can read.
resource "emissary_kustomization" "cart" {
  path = "${path.module}/manifests"
}

resource "emissary_mapping" "cart" {
  name      = "cart"
  namespace = "cart"

  hostname = "shop.example.com"
  prefix   = "/cart/"
  service  = "cart:80"
}
