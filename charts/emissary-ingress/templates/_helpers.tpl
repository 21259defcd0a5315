{{/* Names ------------------------------------------------------------------ */}}

{{/*
A release that says "ambassador" in its name is named by that alone, as in
Emissary's chart: to take one over must not rename its Service.
*/}}
{{- define "emissary-ingress.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name $name (contains "ambassador" .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "emissary-ingress.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if or (contains $name .Release.Name) (contains "ambassador" .Release.Name) -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "emissary-ingress.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "emissary-ingress.deploymentName" -}}
{{- default (include "emissary-ingress.fullname" .) .Values.deploymentNameOverride -}}
{{- end -}}

{{- define "emissary-ingress.serviceName" -}}
{{- default (include "emissary-ingress.fullname" .) .Values.service.nameOverride -}}
{{- end -}}

{{- define "emissary-ingress.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "emissary-ingress.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "emissary-ingress.roleName" -}}
{{- default (include "emissary-ingress.fullname" .) .Values.rbac.nameOverride -}}
{{- end -}}

{{/*
The namespace is part of the name of what belongs to the whole cluster, so that
two installs with the same release name in two namespaces do not share it.
*/}}
{{- define "emissary-ingress.clusterRoleName" -}}
{{- $name := printf "%s-%s" (include "emissary-ingress.fullname" .) (include "emissary-ingress.namespace" .) -}}
{{- default $name .Values.rbac.nameOverride -}}
{{- end -}}

{{/* Labels ----------------------------------------------------------------- */}}

{{/*
The labels by which the Deployment finds its pods can never change, and an
install that began as an upstream release must keep its own: these are upstream's,
and nothing but nameOverride and service.selector changes them.
*/}}
{{- define "emissary-ingress.selectorLabels" -}}
{{- with .Values.service.selector -}}
{{- toYaml . -}}
{{- else -}}
app.kubernetes.io/name: {{ include "emissary-ingress.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- end -}}

{{- define "emissary-ingress.ownLabels" -}}
app.kubernetes.io/name: {{ include "emissary-ingress.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ default .Release.Service .Values.deploymentTool }}
product: aes
{{- end -}}

{{- define "emissary-ingress.labels" -}}
{{- $own := include "emissary-ingress.ownLabels" . | fromYaml -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- toYaml (merge $own (default (dict) .Values.commonLabels)) -}}
{{- end -}}

{{/* Labels of a pod; takes root and profile ("main" or "canary"). */}}
{{- define "emissary-ingress.podLabels" -}}
{{- $labels := include "emissary-ingress.selectorLabels" .root | fromYaml -}}
{{- $labels = merge $labels (dict "profile" .profile) (include "emissary-ingress.ownLabels" .root | fromYaml) -}}
{{- toYaml (merge $labels (default (dict) .root.Values.podLabels) (default (dict) .root.Values.commonLabels)) -}}
{{- end -}}

{{/* Images ----------------------------------------------------------------- */}}

{{/*
An image reference; takes repository, tag, digest, and registry, which replaces
the host in the repository. A first path element is a host when it could be one
(docker.io/a/b, localhost:5000/a), as in Docker's own rule.
*/}}
{{- define "emissary-ingress.imageReference" -}}
{{- $repository := .repository -}}
{{- if .registry -}}
{{- $host := splitList "/" $repository | first -}}
{{- if and (contains "/" $repository) (or (contains "." $host) (contains ":" $host) (eq $host "localhost")) -}}
{{- $repository = trimPrefix (printf "%s/" $host) $repository -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .registry) $repository -}}
{{- end -}}
{{- if .digest -}}
{{- printf "%s@%s" $repository .digest -}}
{{- else if .tag -}}
{{- printf "%s:%s" $repository (toString .tag) -}}
{{- else -}}
{{- $repository -}}
{{- end -}}
{{- end -}}

{{- define "emissary-ingress.image" -}}
{{- $image := .Values.image -}}
{{- if $image.fullImageOverride -}}
{{- $image.fullImageOverride -}}
{{- else -}}
{{- include "emissary-ingress.imageReference" (dict
      "registry" (default $image.registry .Values.global.imageRegistry)
      "repository" (default .Values.defaultImageRepository $image.repository)
      "tag" (default .Chart.AppVersion $image.tag)
      "digest" $image.digest) -}}
{{- end -}}
{{- end -}}

{{/* The canary's image: whatever canary.image does not say is the main one's. */}}
{{- define "emissary-ingress.canaryImage" -}}
{{- $canary := (.Values.canary).image -}}
{{- if or $canary.registry $canary.repository $canary.tag $canary.digest -}}
{{- $main := .Values.image -}}
{{- include "emissary-ingress.imageReference" (dict
      "registry" (coalesce .Values.global.imageRegistry $canary.registry $main.registry)
      "repository" (coalesce $canary.repository $main.repository .Values.defaultImageRepository)
      "tag" (coalesce $canary.tag $main.tag .Chart.AppVersion)
      "digest" $canary.digest) -}}
{{- else -}}
{{- include "emissary-ingress.image" . -}}
{{- end -}}
{{- end -}}

{{/* Values as text ---------------------------------------------------------- */}}

{{/*
A list from a value that may be a list, text holding one (which is a template),
or an empty map, upstream's spelling of "none". Takes root, key and value.
Text is parsed rather than pasted, so that a wrong indent is an error here and
not a broken manifest.
*/}}
{{- define "emissary-ingress.list" -}}
{{- $list := list -}}
{{- if kindIs "string" .value -}}
{{- $list = tpl .value .root | fromYamlArray -}}
{{- else if kindIs "slice" .value -}}
{{- $list = .value -}}
{{- else if .value -}}
{{- fail (printf "%s must be a list, or text holding one" .key) -}}
{{- end -}}
{{- $key := .key -}}
{{- range $list -}}
{{- if not (kindIs "map" .) -}}
{{- fail (printf "%s must be a list of objects, found %v" $key .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}
