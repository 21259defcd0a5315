{{/*
Text of a value of env. YAML numbers arrive as floating point, which would turn
1000000 into 1e+06.
*/}}
{{- define "emissary-ingress.envValue" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/*
The container's environment, each name once: env wins over what the chart sets,
envRaw over env, and the canary's own over both. Server-side apply refuses a
list that has a name twice. Takes root, and canary (a boolean).
*/}}
{{- define "emissary-ingress.env" -}}
{{- $values := .root.Values -}}
{{- $variables := list
      (dict "name" "HOST_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.hostIP"))) -}}
{{- if $values.namespace.name -}}
{{- $variables = append $variables (dict "name" "AMBASSADOR_NAMESPACE" "value" $values.namespace.name) -}}
{{- else -}}
{{- $variables = append $variables (dict "name" "AMBASSADOR_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace"))) -}}
{{- end -}}
{{- if $values.scope.singleNamespace -}}
{{- $variables = append $variables (dict "name" "AMBASSADOR_SINGLE_NAMESPACE" "value" "YES") -}}
{{- end -}}
{{- with $values.ambassadorID -}}
{{- $variables = append $variables (dict "name" "AMBASSADOR_ID" "value" .) -}}
{{- end -}}
{{- range $name, $value := $values.env -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $variables = append $variables (dict "name" (upper $name) "value" (include "emissary-ingress.envValue" $value)) -}}
{{- end -}}
{{- end -}}
{{- $variables = concat $variables (include "emissary-ingress.list" (dict "root" .root "key" "envRaw" "value" $values.envRaw) | fromYamlArray) -}}
{{- if .canary -}}
{{- $variables = concat $variables (include "emissary-ingress.list" (dict "root" .root "key" "canary.envRaw" "value" $values.canary.envRaw) | fromYamlArray) -}}
{{- end -}}
{{- $last := dict -}}
{{- range $i, $variable := $variables -}}
{{- $_ := set $last $variable.name $i -}}
{{- end -}}
{{- $kept := list -}}
{{- range $i, $variable := $variables -}}
{{- if eq $i (int (get $last $variable.name)) -}}
{{- $kept = append $kept $variable -}}
{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{/* The literal value of one variable of the main container; takes root and name. */}}
{{- define "emissary-ingress.envLiteral" -}}
{{- $name := .name -}}
{{- range (include "emissary-ingress.env" (dict "root" .root "canary" false) | fromYamlArray) -}}
{{- if eq .name $name -}}{{- default "" .value -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The namespace the controller takes for its own: that of its Lease. */}}
{{- define "emissary-ingress.ownNamespace" -}}
{{- include "emissary-ingress.envLiteral" (dict "root" . "name" "AMBASSADOR_NAMESPACE") | default (include "emissary-ingress.namespace" .) -}}
{{- end -}}

{{/*
resourceNames of the Lease, as a list; empty where the id is not known here
(valueFrom), which in RBAC means any name.
*/}}
{{- define "emissary-ingress.leaseNames" -}}
{{- $names := list "emissary-default" -}}
{{- range (include "emissary-ingress.env" (dict "root" . "canary" false) | fromYamlArray) -}}
{{- if eq .name "AMBASSADOR_ID" -}}
{{- $names = ternary (list) (list (printf "emissary-%s" .value)) (hasKey . "valueFrom") -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* The port of the health, metrics and diagnostics server. */}}
{{- define "emissary-ingress.adminPort" -}}
{{- include "emissary-ingress.envLiteral" (dict "root" . "name" "AMBASSADOR_HEALTHCHECK_BIND_PORT") | default "8877" -}}
{{- end -}}

{{/*
spec.ambassador_id of the chart's own getambassador.io objects, as a document to
merge into a spec: empty where the id is the default.
*/}}
{{- define "emissary-ingress.ambassadorID" -}}
{{- with include "emissary-ingress.envLiteral" (dict "root" . "name" "AMBASSADOR_ID") -}}
ambassador_id:
  - {{ . | quote }}
{{- end -}}
{{- end -}}
