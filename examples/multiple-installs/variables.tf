variable "service_type" {
  description = "LoadBalancer, NodePort or ClusterIP. LoadBalancer needs a cluster that gives out addresses: the apply waits for them."
  type        = string
  default     = "LoadBalancer"
}
