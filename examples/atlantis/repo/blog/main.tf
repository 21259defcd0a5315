terraform {
  required_version = ">= 1.8"

  required_providers {
    emissary = { source = "emissary/emissary" }
  }

  backend "kubernetes" {
    secret_suffix = "blog"
    namespace     = "terraform-state"
  }
}

provider "emissary" {}

resource "emissary_host" "blog" {
  name      = "blog"
  namespace = "blog"

  hostname   = "blog.example.com"
  tls_secret = { name = "blog-certificate" }

  request_policy = { insecure = { action = "Redirect" } }
}

resource "emissary_mapping" "web" {
  name      = "web"
  namespace = "blog"

  hostname   = emissary_host.blog.hostname
  prefix     = "/"
  service    = "web:80"
  timeout_ms = 4000
}
