# Take the Service out of a Mapping's service: "quote" in namespace "shop", port 8443, TLS.
output "service" {
  value = provider::emissary::parse_service("https://quote.shop:8443")
}
