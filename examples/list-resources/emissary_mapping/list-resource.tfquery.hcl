# Find the Mappings of a namespace by their labels.
list "emissary_mapping" "example" {
  provider = emissary

  config {
    namespace      = "default"
    label_selector = "exposed=public"
  }
}
