# Which Mapping serves these requests, before anything is applied.
data "emissary_routes" "shop" {
  manifests = [
    {
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Listener"
      metadata   = { name = "http" }
      spec = {
        port          = 8080
        protocol      = "HTTP"
        securityModel = "XFP"
        hostBinding   = { namespace = { from = "ALL" } }
      }
    },
    {
      apiVersion = "getambassador.io/v3alpha1"
      kind       = "Mapping"
      metadata   = { name = "cart", namespace = "shop" }
      spec = {
        hostname = "shop.example.com"
        prefix   = "/cart/"
        service  = "cart:8080"
      }
    },
  ]

  requests = {
    cart  = { url = "http://shop.example.com/cart/1" }
    carts = { url = "http://shop.example.com/carts", method = "POST", headers = { x-version = "2" } }
  }
}

check "cart" {
  assert {
    condition     = data.emissary_routes.shop.routes["cart"].mapping == "shop/cart"
    error_message = data.emissary_routes.shop.routes["cart"].text
  }
}
