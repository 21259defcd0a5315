# tfplugindocs looks for a provider's schema under hashicorp/, whatever the
# provider's own address is.
terraform {
  required_providers {
    emissary = { source = "registry.terraform.io/hashicorp/emissary" }
  }
}
