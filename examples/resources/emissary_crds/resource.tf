# Install the CRDs, once per cluster, and keep them when this configuration is
# destroyed. Other resources of this provider wait for them by themselves.
resource "emissary_crds" "example" {
  deletion_policy = "retain"

  timeouts {
    create = "2m"
  }
}
