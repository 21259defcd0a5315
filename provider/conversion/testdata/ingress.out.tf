# note: IngressClass edge: it is left out: no resource of this provider manages it
# note: Ingress web/shop: it becomes 3 objects of its own: apply, then delete the Ingress
# note: Service web/cart: it is left out: no resource of this provider manages it
# warning: Ingress web/legacy: metadata.annotations["nginx.ingress.kubernetes.io/rewrite-target"]: it has no meaning here; it is left out
# note: Ingress web/legacy: it becomes 1 object of its own: apply, then delete the Ingress
# note: Ingress web/legacy: its class is "nginx": beside what another controller makes of it, a Mapping cuts the matched path off (see rewrite), and a prefix is compared as text
# error: Ingress web/named: it is left out: spec.defaultBackend.service.port.name: "http" is a name that only the Service web/elsewhere explains: add it to the input
# note: Ingress cluster: it is left out: no resource of this provider manages it

# From Ingress web/shop.
resource "emissary_host" "shop_0_0" {
  name      = "shop-0-0"
  namespace = "web"
  labels    = { a10r-k8s-ingress = "a10r-ingress-shop-web", team = "shop" }
  hostname  = "shop.example.com"
  mapping_selector = {
    match_labels = { a10r-k8s-ingress = "a10r-ingress-shop-web" }
  }
  request_policy = {
    insecure = { action = "Route" }
  }
  tls_secret = { name = "shop-tls" }
}

# From Ingress web/legacy.
resource "emissary_mapping" "legacy_default_backend" {
  name      = "legacy-default-backend"
  namespace = "web"
  labels    = { a10r-k8s-ingress = "a10r-ingress-legacy-web" }
  hostname  = "*"
  prefix    = "/"
  service   = "legacy.web:80"
}

# From Ingress web/shop.
resource "emissary_mapping" "shop_0_0" {
  name      = "shop-0-0"
  namespace = "web"
  labels    = { a10r-k8s-ingress = "a10r-ingress-shop-web", team = "shop" }
  hostname  = "shop.example.com"
  prefix    = "/cart"
  service   = "cart.web:8080"
}

# From Ingress web/shop.
resource "emissary_mapping" "shop_0_1" {
  name         = "shop-0-1"
  namespace    = "web"
  labels       = { a10r-k8s-ingress = "a10r-ingress-shop-web", team = "shop" }
  hostname     = "shop.example.com"
  precedence   = 1
  prefix       = "/health"
  prefix_exact = true
  service      = "cart.web:8081"
}
