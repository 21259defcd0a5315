{{/*
Ports of the Service; one of portsRaw is given as Kubernetes writes it. A node
port is left out where the API refuses it.
*/}}
{{- define "emissary-ingress.servicePorts" -}}
{{- $ports := list -}}
{{- range .Values.service.ports -}}
{{- $port := pick . "name" "protocol" "appProtocol" -}}
{{- $_ := set $port "port" (int .port) -}}
{{- with .targetPort -}}
{{- $_ := set $port "targetPort" (int .) -}}
{{- end -}}
{{- if and .nodePort (ne $.Values.service.type "ClusterIP") -}}
{{- $_ := set $port "nodePort" (int .nodePort) -}}
{{- end -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- $raw := include "emissary-ingress.list" (dict "root" . "key" "service.portsRaw" "value" .Values.service.portsRaw) | fromYamlArray -}}
{{- toYaml (concat $ports $raw) -}}
{{- end -}}

{{/* Fields of a Service's spec that are the same for the main and the canary Service. */}}
{{- define "emissary-ingress.serviceSpec" -}}
{{- with .Values.service -}}
type: {{ .type }}
{{- range $key := list "ipFamilyPolicy" "ipFamilies" "internalTrafficPolicy" "sessionAffinity" "sessionAffinityConfig" "trafficDistribution" }}
{{- with get $.Values.service $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- if ne .type "ClusterIP" }}
{{- with .externalTrafficPolicy }}
externalTrafficPolicy: {{ . }}
{{- end }}
{{- end }}
{{- if eq .type "LoadBalancer" }}
{{- range $key := list "loadBalancerClass" "loadBalancerSourceRanges" }}
{{- with get $.Values.service $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- if kindIs "bool" .allocateLoadBalancerNodePorts }}
allocateLoadBalancerNodePorts: {{ .allocateLoadBalancerNodePorts }}
{{- end }}
{{- end }}
{{- end }}
ports:
  {{- include "emissary-ingress.servicePorts" . | nindent 2 }}
{{- end -}}
