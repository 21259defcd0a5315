# The chart inside the provider: which version an apply installs, and what may be
# set in its values.
data "emissary_chart" "ingress" {}

output "installs" {
  value = "${data.emissary_chart.ingress.name} ${data.emissary_chart.ingress.app_version}"
}

output "default_replicas" {
  value = data.emissary_chart.ingress.default_values.replicaCount
}

output "values" {
  value = keys(jsondecode(data.emissary_chart.ingress.values_schema).properties)
}
