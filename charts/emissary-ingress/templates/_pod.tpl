{{/* Container ports: those of the Service, and the admin port. */}}
{{- define "emissary-ingress.containerPorts" -}}
{{- $ports := list -}}
{{- $seen := dict -}}
{{- range .Values.service.ports -}}
{{- $number := int (default .port .targetPort) -}}
{{- $protocol := default "TCP" .protocol -}}
{{- $id := printf "%d/%s" $number $protocol -}}
{{- if not (hasKey $seen $id) -}}
{{- $_ := set $seen $id true -}}
{{- $port := dict "name" .name "containerPort" $number "protocol" $protocol -}}
{{- with .hostPort -}}
{{- $_ := set $port "hostPort" (int .) -}}
{{- end -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- end -}}
{{- $admin := include "emissary-ingress.adminPort" . | int -}}
{{- toYaml (append $ports (dict "name" "admin" "containerPort" $admin "protocol" "TCP")) -}}
{{- end -}}

{{/* Whether a Listener's port is one that Linux keeps for root: "true" or empty. */}}
{{- define "emissary-ingress.lowPorts" -}}
{{- range .Values.service.ports -}}
{{- if lt (int (default .port .targetPort)) 1024 -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Security context of the pod. securityContext is upstream's old name for it. A
pod that binds low ports says so to the kernel rather than asking for a
capability; with hostNetwork that is not the pod's to say (see containerSecurity).
*/}}
{{- define "emissary-ingress.podSecurity" -}}
{{- $context := merge (dict) (default (dict) .Values.securityContext) (default (dict) .Values.security.podSecurityContext) -}}
{{- if and (include "emissary-ingress.lowPorts" .) (not .Values.hostNetwork) -}}
{{- $sysctl := dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0" -}}
{{- $_ := set $context "sysctls" (append (default (list) $context.sysctls) $sysctl) -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "emissary-ingress.containerSecurity" -}}
{{- $context := deepCopy (default (dict) .Values.security.containerSecurityContext) -}}
{{- if and (include "emissary-ingress.lowPorts" .) .Values.hostNetwork -}}
{{- $capabilities := default (dict) $context.capabilities -}}
{{- $_ := set $capabilities "add" (append (default (list) $capabilities.add) "NET_BIND_SERVICE" | uniq) -}}
{{- $_ := set $context "capabilities" $capabilities -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "emissary-ingress.pullSecrets" -}}
{{- range concat (default (list) .Values.global.imagePullSecrets) (default (list) .Values.imagePullSecrets) }}
- name: {{ ternary . (get (ternary (dict) . (kindIs "string" .)) "name") (kindIs "string" .) }}
{{- end }}
{{- end -}}

{{- define "emissary-ingress.topologySpread" -}}
{{- $pods := include "emissary-ingress.selectorLabels" . | fromYaml -}}
{{- $constraints := list -}}
{{- range .Values.topologySpreadConstraints -}}
{{- $constraints = append $constraints (merge (dict) . (ternary (dict) (dict "labelSelector" (dict "matchLabels" $pods)) (hasKey . "labelSelector"))) -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end -}}

{{/*
How pods are replaced. Two pods cannot hold the same port of one node, so with
hostNetwork the old one goes first.
*/}}
{{- define "emissary-ingress.strategy" -}}
{{- $strategy := deepCopy (default (dict) .Values.deploymentStrategy) -}}
{{- if and .Values.hostNetwork (eq (default "RollingUpdate" $strategy.type) "RollingUpdate") (not $strategy.rollingUpdate) -}}
{{- $_ := set $strategy "rollingUpdate" (dict "maxSurge" 0 "maxUnavailable" 1) -}}
{{- end -}}
{{- toYaml $strategy -}}
{{- end -}}

{{/*
Values of Emissary's charts that cannot be ignored without losing routes: a
failure now, rather than a surprise later.
*/}}
{{- define "emissary-ingress.refuse" -}}
{{- with .Values.ambassadorConfig -}}
{{- fail "ambassadorConfig is not supported: a static configuration file has no status and no reload; put its resources into the chart emissary-config, or apply them" -}}
{{- end -}}
{{- end -}}

{{/* Metadata and spec of a pod; takes root and profile ("main" or "canary"). */}}
{{- define "emissary-ingress.pod" -}}
{{- $root := .root -}}
{{- include "emissary-ingress.refuse" $root -}}
{{- $canary := eq .profile "canary" -}}
{{- $lists := dict -}}
{{- range $key := list "volumes" "volumesRaw" "volumeMounts" "volumeMountsRaw" "initContainers" "sidecarContainers" -}}
{{- $_ := set $lists $key (include "emissary-ingress.list" (dict "root" $root "key" $key "value" (get $root.Values $key)) | fromYamlArray) -}}
{{- end -}}
{{- with $root.Values -}}
metadata:
  labels:
    {{- include "emissary-ingress.podLabels" $ | nindent 4 }}
  {{- with .podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "emissary-ingress.serviceAccountName" $root }}
  securityContext:
    {{- include "emissary-ingress.podSecurity" $root | nindent 4 }}
  {{- with include "emissary-ingress.pullSecrets" $root }}
  imagePullSecrets:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with .terminationGracePeriodSeconds }}
  terminationGracePeriodSeconds: {{ int . }}
  {{- end }}
  {{- if .hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- $dnsPolicy := default "ClusterFirst" .dnsPolicy }}
  dnsPolicy: {{ ternary "ClusterFirstWithHostNet" $dnsPolicy (and (default false .hostNetwork) (eq $dnsPolicy "ClusterFirst")) }}
  {{- with .hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $lists.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ default "emissary-ingress" .containerNameOverride }}
      image: {{ ternary (include "emissary-ingress.canaryImage" $root) (include "emissary-ingress.image" $root) $canary | quote }}
      imagePullPolicy: {{ .image.pullPolicy }}
      args: ["controller"]
      ports:
        {{- include "emissary-ingress.containerPorts" $root | nindent 8 }}
      env:
        {{- include "emissary-ingress.env" (dict "root" $root "canary" $canary) | nindent 8 }}
      securityContext:
        {{- include "emissary-ingress.containerSecurity" $root | nindent 8 }}
      livenessProbe:
        httpGet:
          path: /ambassador/v0/check_alive
          port: admin
        {{- with .livenessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      readinessProbe:
        httpGet:
          path: /ambassador/v0/check_ready
          port: admin
        {{- with .readinessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .startupProbe }}
      startupProbe:
        httpGet:
          path: /ambassador/v0/check_ready
          port: admin
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: runtime
          mountPath: /tmp
        - name: ambassador-pod-info
          mountPath: /tmp/ambassador-pod-info
          readOnly: true
        {{- with concat $lists.volumeMounts $lists.volumeMountsRaw }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $lists.sidecarContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: runtime
      emptyDir: {}
    # By the labels the controller finds the Service in front of its pod.
    - name: ambassador-pod-info
      downwardAPI:
        items:
          - path: labels
            fieldRef:
              fieldPath: metadata.labels
    {{- with concat $lists.volumes $lists.volumesRaw }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- include "emissary-ingress.topologySpread" $root | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
