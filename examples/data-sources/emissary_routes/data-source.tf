resource "emissary_listener" "http" {
  name           = "http"
  namespace      = "shop"
  port           = 8080
  protocol       = "HTTP"
  security_model = "XFP"
  host_binding   = { namespace = { from = "ALL" } }
}

resource "emissary_mapping" "cart" {
  name      = "cart"
  namespace = "shop"
  hostname  = "shop.example.com"
  prefix    = "/cart/"
  service   = "cart:8080"
}

# Resources of this configuration and manifests from elsewhere. A local value, not
# the data source, names the resources: Terraform would read it only at apply.
locals {
  manifests = [
    emissary_listener.http,
    emissary_mapping.cart,
    {
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Mapping"
      metadata   = { name = "images", namespace = "media" }
      spec       = { hostname = "shop.example.com", prefix = "/images/", service = "images:8080" }
    },
  ]
}

# Which Mapping serves these requests, before anything is applied.
data "emissary_routes" "shop" {
  manifests = local.manifests

  requests = {
    cart   = { url = "http://shop.example.com/cart/1" }
    images = { url = "http://shop.example.com/images/1" }
    carts  = { url = "http://shop.example.com/carts", method = "POST", headers = { x-version = "2" } }
  }
}

check "cart" {
  assert {
    condition     = data.emissary_routes.shop.routes["cart"].mapping == "shop/cart"
    error_message = data.emissary_routes.shop.routes["cart"].text
  }
}
