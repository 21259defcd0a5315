# The kinds of getambassador.io: once for the whole cluster, whoever installs
# what in it.
resource "emissary_crds" "this" {}

locals {
  installs = {
    # Open to the internet.
    public = { sources = ["0.0.0.0/0"] }
    # For the own network alone.
    private = { sources = ["10.0.0.0/8"] }
  }
}

# Each install has an id, a namespace and an IngressClass of its own.
resource "emissary_release" "ingress" {
  for_each  = local.installs
  name      = "emissary-${each.key}"
  namespace = "emissary-${each.key}"

  values = {
    env                  = { AMBASSADOR_ID = each.key }
    ingressClassResource = { name = "emissary-${each.key}" }
    service = {
      type                     = var.service_type
      loadBalancerSourceRanges = each.value.sources
    }
  }
}

# What belongs to one install names its id.
resource "emissary_listener" "https" {
  for_each       = local.installs
  name           = "https"
  namespace      = emissary_release.ingress[each.key].namespace
  ambassador_id  = [each.key]
  port           = 8443
  protocol       = "HTTPS"
  security_model = "XFP"
  host_binding   = { namespace = { from = "ALL" } }
}

resource "emissary_host" "admin" {
  name          = "admin"
  namespace     = emissary_release.ingress["private"].namespace
  ambassador_id = ["private"]
  hostname      = "admin.example.com"
  tls_secret    = { name = "admin-tls" }
}

# What belongs to both names both: each serves it and reports on it, and apply
# waits for each that is running.
resource "emissary_host" "shop" {
  name          = "shop"
  namespace     = "default"
  ambassador_id = ["public", "private"]
  hostname      = "shop.example.com"
  tls_secret    = { name = "shop-tls" }
}

resource "emissary_mapping" "shop" {
  name          = "shop"
  namespace     = "default"
  ambassador_id = ["public", "private"]
  hostname      = "shop.example.com"
  prefix        = "/"
  service       = "shop.default:80"
}
