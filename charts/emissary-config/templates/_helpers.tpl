{{- define "emissary-config.labels" -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/name" .Chart.Name
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/version" .Chart.AppVersion
      "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $own (default (dict) .Values.commonLabels)) -}}
{{- end -}}

{{/*
The objects of one kind; takes root, key (of the values), kind and items. An
object without an ambassador_id of its own gets the chart's.
*/}}
{{- define "emissary-config.objects" -}}
{{- $root := .root -}}
{{- $key := .key -}}
{{- $kind := .kind -}}
{{- $id := default (get (default (dict) $root.Values.env) "AMBASSADOR_ID") $root.Values.ambassadorID -}}
{{- $seen := dict -}}
{{- range $i, $item := .items }}
{{- if not (and (kindIs "map" $item) (get $item "name")) -}}
{{- fail (printf "%s[%d] needs a name and a spec" $key $i) -}}
{{- end -}}
{{- if hasKey $seen $item.name -}}
{{- fail (printf "%s[%d]: the name %q is there twice" $key $i $item.name) -}}
{{- end -}}
{{- $_ := set $seen $item.name true }}
---
apiVersion: getambassador.io/v3alpha1
kind: {{ $kind }}
metadata:
  name: {{ $item.name | quote }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $own := include "emissary-config.labels" $root | fromYaml }}
    {{- merge $own (default (dict) $item.labels) | toYaml | nindent 4 }}
  {{- with $item.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- $spec := merge (dict) (default (dict) $item.spec) }}
  {{- if and $id (not (hasKey $spec "ambassador_id")) }}
  {{- $_ := set $spec "ambassador_id" (list (toString $id)) }}
  {{- end }}
  {{- toYaml $spec | nindent 2 }}
{{- end }}
{{- end -}}
