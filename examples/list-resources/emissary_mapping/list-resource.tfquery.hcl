# Find the Mappings of a namespace by their labels. With
# terraform query -generate-config-out=found.tf
# Terraform writes resources and import blocks for them.
list "emissary_mapping" "example" {
  provider = emissary

  config {
    namespace      = "default"
    label_selector = "exposed=public"
  }
}
