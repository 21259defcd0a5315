variable "replicas" {
  type    = number
  default = 3
}

# What a release with these values would consist of, before anything is applied.
data "emissary_manifests" "ingress" {
  name      = "emissary-ingress"
  namespace = "emissary"
  values = {
    replicaCount        = var.replicas
    podDisruptionBudget = { minAvailable = 1 }
  }
  kustomize = {
    labels = [{ pairs = { team = "gateways" } }]
  }
}

locals {
  ingress    = { for object in data.emissary_manifests.ingress.manifests : "${object.kind}/${object.metadata.name}" => object }
  deployment = local.ingress["Deployment/emissary-ingress"]
}

check "runs_as_no_root" {
  assert {
    condition     = local.deployment.spec.template.spec.securityContext.runAsNonRoot
    error_message = "The ingress would run as root."
  }
}

output "objects" {
  value = keys(local.ingress)
}

output "replicas" {
  value = local.deployment.spec.replicas
}
