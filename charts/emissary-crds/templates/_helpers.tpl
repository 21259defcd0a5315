{{- define "emissary-crds.labels" -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/name" .Chart.Name
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/version" .Chart.AppVersion
      "app.kubernetes.io/managed-by" .Release.Service
      "app.kubernetes.io/part-of" "emissary-ingress" -}}
{{- toYaml (merge $own (default (dict) .Values.commonLabels)) -}}
{{- end -}}

{{- define "emissary-crds.annotations" -}}
{{- $own := dict -}}
{{- if .Values.crds.keep -}}
{{- $_ := set $own "helm.sh/resource-policy" "keep" -}}
{{- end -}}
{{- with merge $own (default (dict) .Values.annotations) -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}
