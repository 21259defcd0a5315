terraform {
  required_providers {
    emissary = {
      source = "emissary/emissary"
    }
  }
}

# Without any setting, the provider uses KUBECONFIG, or the service account of
# the pod that Terraform runs in.
provider "emissary" {
  config_path    = "~/.kube/config"
  config_context = "production"
}

# A cluster made in the same configuration: the values may be unknown when the
# plan is made. exec fetches fresh credentials for each plan and apply.
provider "emissary" {
  alias                  = "new"
  host                   = var.cluster_endpoint
  cluster_ca_certificate = base64decode(var.cluster_ca)

  exec = {
    api_version = "client.authentication.k8s.io/v1"
    command     = "aws"
    args        = ["eks", "get-token", "--cluster-name", "production"]
  }
}

variable "cluster_endpoint" {
  type = string
}

variable "cluster_ca" {
  type = string
}
