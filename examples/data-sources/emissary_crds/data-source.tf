# The definitions as files of a GitOps repository. Nothing is asked of a cluster.
data "emissary_crds" "this" {}

output "files" {
  description = "One file for each definition, by path."
  value       = { for name, manifest in data.emissary_crds.this.manifests : "crds/${name}.yaml" => manifest }
}

output "fields_of_mapping" {
  value = data.emissary_crds.this.kinds["Mapping"].fields
}
