# Send requests to the cluster IP of a Service (the default, under another name
# and for one instance only).
resource "emissary_kubernetes_service_resolver" "example" {
  name      = "cluster-ip"
  namespace = "default"

  ambassador_id = ["internal"]
}
