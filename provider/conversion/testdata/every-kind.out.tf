import {
  to = emissary_auth_service.authentication
  id = "emissary/authentication"
}

resource "emissary_auth_service" "authentication" {
  name                    = "authentication"
  namespace               = "emissary"
  allowed_request_headers = ["x-session", "x-request-id"]
  auth_service            = "auth.default:3000"
  failure_mode_allow      = false
  include_body            = { allow_partial = true, max_bytes = 4096 }
  path_prefix             = "/extauth"
  proto                   = "http"
  status_on_error         = { code = 503 }
}

import {
  to = emissary_consul_resolver.consul_dc1
  id = "emissary/consul-dc1"
}

resource "emissary_consul_resolver" "consul_dc1" {
  name       = "consul-dc1"
  namespace  = "emissary"
  address    = "consul:8500"
  datacenter = "dc1"
}

import {
  to = emissary_dev_portal.portal
  id = "emissary/portal"
}

resource "emissary_dev_portal" "portal" {
  name      = "portal"
  namespace = "emissary"
  content   = { branch = "main", dir = "/", url = "https://example.com/content" }
  default   = true
  docs = [
    { service = "quote", url = "https://quote.example.com/openapi.json" },
  ]
  selector = {
    match_namespaces = ["production"]
  }
}

import {
  to = emissary_host.wildcard
  id = "emissary/wildcard"
}

resource "emissary_host" "wildcard" {
  name          = "wildcard"
  namespace     = "emissary"
  labels        = { "app.kubernetes.io/part-of" = "shop", tier = "edge" }
  annotations   = { "example.com/owner" = "team \"edge\"" }
  acme_provider = { authority = "none" }
  ambassador_id = ["edge"]
  hostname      = "*.example.com"
  mapping_selector = {
    match_labels = { exposed = "true" }
  }
  preview_url = { enabled = false }
  request_policy = {
    insecure = { action = "Redirect", additional_port = 8080 }
  }
  tls = {
    cipher_suites   = ["ECDHE-RSA-AES128-GCM-SHA256"]
    min_tls_version = "v1.2"
  }
  tls_secret = { name = "tls-secret", namespace = "secret" }
}

import {
  to = emissary_kubernetes_endpoint_resolver.endpoint
  id = "emissary/endpoint"
}

resource "emissary_kubernetes_endpoint_resolver" "endpoint" {
  name          = "endpoint"
  namespace     = "emissary"
  ambassador_id = ["edge"]
}

import {
  to = emissary_kubernetes_service_resolver.service
  id = "emissary/service"
}

resource "emissary_kubernetes_service_resolver" "service" {
  name          = "service"
  namespace     = "emissary"
  ambassador_id = ["edge", "internal"]
}

import {
  to = emissary_listener.https
  id = "emissary/https"
}

resource "emissary_listener" "https" {
  name      = "https"
  namespace = "emissary"
  host_binding = {
    namespace = { from = "SELF" }
    selector  = {}
  }
  l7_depth       = 1
  port           = 8443
  protocol       = "HTTPS"
  security_model = "XFP"
  stats_prefix   = "edge"
}

import {
  to = emissary_log_service.access_log
  id = "emissary/access-log"
}

resource "emissary_log_service" "access_log" {
  name      = "access-log"
  namespace = "emissary"
  driver    = "http"
  driver_config = {
    additional_log_headers = [
      { during_response = false, header_name = "x-request-id" },
      { header_name = "x-tenant" },
    ]
  }
  flush_interval_time = 2
  protocol_version    = "v3"
  service             = "als.default:3000"
}

import {
  to = emissary_mapping.my_quote
  id = "emissary/my-quote"
}

resource "emissary_mapping" "my_quote" {
  name      = "my-quote"
  namespace = "emissary"
  add_request_headers = {
    x-forwarded-by = { append = false, value = "emissary" }
  }
  add_response_headers = {
    x-path = { value = "%REQ(:path)%" }
  }
  case_sensitive = false
  circuit_breakers = [
    { max_connections = 2048, priority = "high" },
  ]
  cors = {
    credentials = true
    max_age     = "86400"
    origins     = ["https://a.example.com", "https://b.example.com"]
  }
  docs = { path = "/openapi.json" }
  error_response_overrides = [
    {
      body = {
        content_type = "application/json"
        text_format  = <<-EOT
          {"code": 404, "for": "$${path}"}
        EOT
      }
      on_status_code = 404
    },
    {
      body = {
        json_format = { "a b" = "x", code = "%RESPONSE_CODE%" }
      }
      on_status_code = 503
    },
  ]
  headers  = { x-version = "2" }
  hostname = "www.example.com"
  load_balancer = {
    cookie = { name = "sticky", path = "/", ttl = "60s" }
    policy = "ring_hash"
  }
  prefix           = "/backend/"
  query_parameters = {}
  rate_limit_labels = {
    ambassador = [
      {
        request_group = [
          {
            remote_address = { key = "remote_address" }
          },
          {
            generic_key = { value = "backend" }
          },
          {
            request_headers = { header_name = "x-tenant", key = "tenant", omit_if_not_present = true }
          },
        ]
      },
    ]
  }
  regex_headers          = { x-user = "^[a-z]+$${1}%%{2}$" }
  remove_request_headers = ["authorization"]
  retry_policy           = { num_retries = 3, per_try_timeout = "2s", retry_on = "5xx" }
  rewrite                = ""
  service                = "http://quote.default:80"
  timeout_ms             = 0
  weight                 = 10
}

import {
  to = emissary_module.ambassador
  id = "emissary/ambassador"
}

resource "emissary_module" "ambassador" {
  name      = "ambassador"
  namespace = "emissary"
  config = {
    buffer_limit_bytes = 5242880
    diagnostics        = { allow_non_local = false, enabled = true }
    envoy_log_type     = "json"
    error = chomp(<<-EOT
      two
      lines
    EOT
    )
    "for"        = "keywords are quoted"
    lua_scripts  = <<-EOT
      function envoy_on_request(handle)
        handle:headers():add("x-lua", "$${processed}")

        -- %%{ nothing } here is a template
      end
    EOT
    ratio        = 0.1
    retry_policy = { num_retries = 10, retry_on = "connect-failure" }
    "x.y/z" = [
      1,
      "two",
      { three = true },
      [],
      {},
    ]
  }
}

import {
  to = emissary_rate_limit_service.ratelimit
  id = "emissary/ratelimit"
}

resource "emissary_rate_limit_service" "ratelimit" {
  name              = "ratelimit"
  namespace         = "emissary"
  domain            = "edge"
  failure_mode_deny = true
  protocol_version  = "v3"
  service           = "ratelimit.default:5000"
  timeout_ms        = 100
}

import {
  to = emissary_tcp_mapping.ssh
  id = "emissary/ssh"
}

resource "emissary_tcp_mapping" "ssh" {
  name            = "ssh"
  namespace       = "emissary"
  idle_timeout_ms = "60000"
  port            = 2222
  service         = "ssh.default:22"
  weight          = 50
}

import {
  to = emissary_tls_context.strict
  id = "emissary/strict"
}

resource "emissary_tls_context" "strict" {
  name                    = "strict"
  namespace               = "emissary"
  alpn_protocols          = "h2,http/1.1"
  hosts                   = ["*.example.com"]
  min_tls_version         = "v1.2"
  redirect_cleartext_from = 8080
  secret                  = "tls-secret.secret"
  secret_namespacing      = true
}

import {
  to = emissary_tracing_service.tracing
  id = "emissary/tracing"
}

resource "emissary_tracing_service" "tracing" {
  name      = "tracing"
  namespace = "emissary"
  custom_tags = [
    {
      request_header = { default_value = "none", name = "x-tenant" }
      tag            = "tenant"
    },
    {
      literal = { value = "eu" }
      tag     = "region"
    },
  ]
  driver   = "opentelemetry"
  sampling = { overall = 10 }
  service  = "otel-collector.observability:4317"
}
