variable "ambassador_id" {
  description = "Which resources belong to this install, where a cluster has several."
  type        = string
  default     = "ambassador"
}

variable "service" {
  description = "The backend behind dev.wadexu.cloud, as name.namespace:port."
  type        = string
  default     = "my-nginx.nginx:80"
}

variable "service_type" {
  description = "LoadBalancer, NodePort or ClusterIP. LoadBalancer needs a cluster that gives out addresses: the apply waits for one."
  type        = string
  default     = "LoadBalancer"
}

variable "http_port" {
  description = "Port on which the pods answer http. The load balancer's is 80."
  type        = number
  default     = 8080
}

variable "https_port" {
  description = "Port on which the pods answer https. The load balancer's is 443."
  type        = number
  default     = 8443
}
