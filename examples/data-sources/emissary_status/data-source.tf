# After each apply, and in each plan, a warning says what is wrong.
check "ingress" {
  data "emissary_status" "this" {
    name      = "emissary-ingress"
    namespace = "emissary"
  }

  assert {
    condition     = length(data.emissary_status.this.addresses) > 0
    error_message = "The load balancer has no address."
  }

  assert {
    condition     = length(data.emissary_status.this.refused) == 0
    error_message = join("\n", [for o in data.emissary_status.this.refused : "${o.kind} ${o.name}: ${o.why}"])
  }

  assert {
    condition     = coalesce(data.emissary_status.this.expires_in_days, 365) > 14
    error_message = "A certificate expires on ${coalesce(data.emissary_status.this.first_expiry, "an unknown day")}."
  }
}
