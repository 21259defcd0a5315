# Route TLS connections by server name to a TCP service.
resource "emissary_tcp_mapping" "example" {
  name      = "postgres"
  namespace = "default"

  port    = 5432
  host    = "db.example.com"
  service = "postgres.databases:5432"
  weight  = 100
}
