terraform {
  required_version = ">= 1.8"

  required_providers {
    emissary = {
      source = "registry.terraform.io/emissary/emissary"
    }
  }
}

# The cluster comes from KUBECONFIG. config_path, host and token, exec and the
# like can be set here instead.
provider "emissary" {}
