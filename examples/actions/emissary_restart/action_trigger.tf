variable "environment_revision" {
  type        = string
  description = "Changes with the Secret that the pods take their environment from."
}

# Restart for what the pods read only when they start.
resource "terraform_data" "environment" {
  input = var.environment_revision

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.emissary_restart.ingress]
    }
  }
}
