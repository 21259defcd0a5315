# terraform test, which needs no cluster here.
run "survives_a_node" {
  command = plan

  assert {
    condition     = output.replicas >= 2 && contains(output.objects, "PodDisruptionBudget/emissary-ingress")
    error_message = "One node less must not be no ingress."
  }
}

run "one_replica" {
  command = plan

  variables {
    replicas = 1
  }

  assert {
    condition     = output.replicas == 1
    error_message = "The variable has no effect."
  }
}
