# 1. The kinds of getambassador.io. They stay in the cluster after a destroy.
resource "emissary_crds" "this" {}

# 2. The ingress: a controller and Envoy, from the chart inside the provider.
resource "emissary_release" "ingress" {
  name      = "emissary-ingress"
  namespace = "emissary"

  values = {
    replicaCount = 2
    autoscaling  = { enabled = true, minReplicas = 2, maxReplicas = 3 }

    service = {
      type = var.service_type
      ports = [
        { name = "http", port = 80, targetPort = var.http_port },
        { name = "https", port = 443, targetPort = var.https_port },
      ]
    }

    env = {
      AMBASSADOR_ID  = var.ambassador_id
      AES_LOG_LEVEL  = "error"
      STATSD_ENABLED = true
      DOGSTATSD      = true
    }
    envRaw = [
      { name = "STATSD_HOST", valueFrom = { fieldRef = { fieldPath = "status.hostIP" } } },
    ]

    # Balance over the pods of a Service where a Mapping asks for this resolver.
    resolvers = {
      endpoint = { create = true, name = "my-resolver" }
    }

    module = {
      diagnostics                = { enabled = false, allow_non_local = true }
      keepalive                  = { time = 100, interval = 10, probes = 5 }
      cluster_request_timeout_ms = 120000
    }
  }
}

# 3. What it listens on.
resource "emissary_listener" "http" {
  name           = "http-listener"
  namespace      = emissary_release.ingress.namespace
  ambassador_id  = [var.ambassador_id]
  port           = var.http_port
  protocol       = "HTTP"
  security_model = "XFP"
  host_binding   = { namespace = { from = "SELF" } }
}

resource "emissary_listener" "https" {
  name           = "https-listener"
  namespace      = emissary_release.ingress.namespace
  ambassador_id  = [var.ambassador_id]
  port           = var.https_port
  protocol       = "HTTPS"
  security_model = "XFP"
  host_binding   = { namespace = { from = "SELF" } }
}

# 4. The name it answers to, with a certificate from another namespace. Plain
#    http is redirected; nothing older than TLS 1.2 is spoken.
resource "emissary_host" "dev" {
  name           = "my-host-dev"
  namespace      = emissary_release.ingress.namespace
  ambassador_id  = [var.ambassador_id]
  hostname       = "*.wadexu.cloud"
  request_policy = { insecure = { action = "Redirect" } }
  tls_secret     = { name = "tls-secret", namespace = "secret" }
  tls_context    = { name = emissary_tls_context.dev.name }
}

resource "emissary_tls_context" "dev" {
  name            = "my-tls-context"
  namespace       = emissary_release.ingress.namespace
  ambassador_id   = [var.ambassador_id]
  hosts           = ["*.wadexu.cloud"]
  min_tls_version = "v1.2"
}

# 5. Where requests go.
resource "emissary_mapping" "nginx" {
  name          = "my-nginx-mapping"
  namespace     = emissary_release.ingress.namespace
  ambassador_id = [var.ambassador_id]
  hostname      = "dev.wadexu.cloud"
  prefix        = "/"
  service       = var.service
}
