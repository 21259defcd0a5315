terraform {
  required_version = ">= 1.8"

  required_providers {
    emissary = { source = "emissary/emissary" }
  }

  backend "kubernetes" {
    secret_suffix = "shop"
    namespace     = "terraform-state"
  }
}

provider "emissary" {}

resource "emissary_host" "shop" {
  name      = "shop"
  namespace = "shop"

  hostname   = "shop.example.com"
  tls_secret = { name = "shop-certificate" }

  request_policy = { insecure = { action = "Redirect" } }
}

resource "emissary_mapping" "web" {
  name      = "web"
  namespace = "shop"

  hostname   = emissary_host.shop.hostname
  prefix     = "/"
  service    = "web:80"
  timeout_ms = 4000
}
