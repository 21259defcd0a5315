# Find upstream addresses in Consul.
resource "emissary_consul_resolver" "example" {
  name      = "consul-dc1"
  namespace = "default"

  address    = "consul-server.consul:8500"
  datacenter = "dc1"
}
