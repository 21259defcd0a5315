# note: Release emissary/edge: values that look like secrets are in sensitive_values: put variables in their place before others see the file
# note: Release old/emissary-ingress: its status is failed, which the next apply repairs; it keeps version 8.9.1 of Emissary's own chart, from where that was published, since Helm keeps no address; remove chart, repository and version to change to version BUNDLED of the one inside the provider
# note: Release new/emissary-ingress: it keeps version 4.1.0 of Emissary's own chart, from where that was published, since Helm keeps no address; remove chart, repository and version to change to version BUNDLED of the one inside the provider
# note: Release emissary/older: the next apply changes its chart from version 0.0.9 to BUNDLED, the one inside the provider; to keep the chart as it is, set chart, repository and version
# note: Release default/cache: it is left out: redis is not a chart of this product
# note: Release default/gone: it is left out: it is uninstalled, and only its history is kept
# error: Secret default/sh.helm.release.v1.broken.v1: it is left out: data.release: it is no release of Helm: illegal base64 data at input byte 4
# note: CustomResourceDefinition gateways.gateway.networking.k8s.io: it is left out: no resource of this provider manages it
# note: Release emissary/edge: 2 objects in the input belong to it and are managed through it

import {
  to = emissary_crds.crds
  id = "getambassador.io"
}

resource "emissary_crds" "crds" {}

import {
  to = emissary_release.config
  id = "emissary/config"
}

resource "emissary_release" "config" {
  name      = "config"
  namespace = "emissary"
  chart     = "emissary-config"
  values = {
    hosts = [
      { name = "a" },
    ]
  }
}

import {
  to = emissary_release.edge
  id = "emissary/edge"
}

resource "emissary_release" "edge" {
  name      = "edge"
  namespace = "emissary"
  values = {
    big            = 12345678901
    env            = { AMBASSADOR_ID = "edge", TEMPLATE = "$${not} %%{one}" }
    extra          = <<-EOT
      a
      b
    EOT
    podAnnotations = null
    replicaCount   = 2
    resources = {
      limits = { cpu = 0.5, memory = "1Gi" }
    }
  }
  sensitive_values = {
    env = { REDIS_PASSWORD = "hunter2" }
  }
}

import {
  to = emissary_release.older
  id = "emissary/older"
}

# In the cluster it has version 0.0.9 of the chart; an apply makes it BUNDLED.
resource "emissary_release" "older" {
  name      = "older"
  namespace = "emissary"
  chart     = "emissary-config"
}

import {
  to = emissary_release.new_emissary_ingress
  id = "new/emissary-ingress"
}

# Emissary's own chart. Without chart, repository and version, an apply makes it version BUNDLED of the one in the provider.
resource "emissary_release" "new_emissary_ingress" {
  name       = "emissary-ingress"
  namespace  = "new"
  chart      = "emissary-ingress"
  repository = "oci://ghcr.io/emissary-ingress"
  version    = "4.1.0"
}

import {
  to = emissary_release.old_emissary_ingress
  id = "old/emissary-ingress"
}

# Emissary's own chart. Without chart, repository and version, an apply makes it version BUNDLED of the one in the provider.
resource "emissary_release" "old_emissary_ingress" {
  name       = "emissary-ingress"
  namespace  = "old"
  chart      = "emissary-ingress"
  repository = "https://app.getambassador.io"
  version    = "8.9.1"
}
