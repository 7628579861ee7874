{{/* The release's name where it says aigne-hub already, else with it. */}}
{{- define "hub.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "aigne-hub" $name) }}{{ $name = printf "%s-aigne-hub" $name }}{{ end -}}
{{- default $name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* For objects outside of any namespace. */}}
{{- define "hub.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "hub.fullname" .) -}}
{{- end }}

{{/* Labels that never change, of one component: (list $ "gateway"). */}}
{{- define "hub.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: aigne-hub
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The metadata of an object: (list $ "gateway" "name"); annotations of its own may follow, then labels of its own. */}}
{{- define "hub.metadata" -}}
{{- $root := index . 0 -}}
{{- $annotations := dict }}{{ $labels := dict -}}
{{- if gt (len .) 3 }}{{ $annotations = index . 3 }}{{ end -}}
{{- if gt (len .) 4 }}{{ $labels = index . 4 }}{{ end -}}
name: {{ index . 2 | quote }}
labels:
  {{- include "hub.selector" (list $root (index . 1)) | nindent 2 }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  app.kubernetes.io/part-of: aigne-hub
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | quote }}
  {{- with merge (dict) $labels $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) $annotations $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "hub.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Where applications reach the gateways. */}}
{{- define "hub.address" -}}
{{- $tls := ne .Values.tls.mode "Off" -}}
{{- $own := printf "%s://%s.%s.svc:%s" (ternary "https" "http" $tls) (include "hub.fullname" .) .Release.Namespace (ternary "8443" "8080" $tls) -}}
{{- default $own .Values.address -}}
{{- end }}

{{/* Where sidecars reach them. */}}
{{- define "hub.sidecarHub" -}}
{{- default (include "hub.address" .) .Values.sidecar.hub -}}
{{- end }}

{{/* "true" where the API server can put sidecars into pods by itself (Kubernetes 1.36). */}}
{{- define "hub.injects" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" }}true{{ end -}}
{{- end }}

{{/* The Secret with the database's address. */}}
{{- define "hub.databaseSecret" -}}
{{- default (printf "%s-database" (include "hub.fullname" .)) .Values.database.existingSecret -}}
{{- end }}

{{- define "hub.tlsSecret" -}}
{{- default (printf "%s-tls" (include "hub.fullname" .)) .Values.tls.secretName -}}
{{- end }}

{{- define "hub.plainHTTP" -}}
{{- if or (eq .Values.tls.mode "Off") .Values.tls.alsoPlainHTTP }}true{{ end -}}
{{- end }}

{{/* "true" where every namespace may have Tenants. */}}
{{- define "hub.allNamespaces" -}}
{{- if has "*" .Values.tenantNamespaces }}true{{ end -}}
{{- end }}

{{/* The hub's programs need nothing of a container but to run. */}}
{{- define "hub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "hub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Where pods go: (list $ .Values.gateway). */}}
{{- define "hub.placement" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with index . 1 }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hub.podEnvironment" -}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
- {name: AIGNE_HUB_LOG, value: {{ .Values.log.filter | quote }}}
- {name: AIGNE_HUB_LOG_FORMAT, value: json}
{{- end }}

{{/* What gateways need to tell others of entries. Empty where nobody is told, or nothing is needed for it. */}}
{{- define "hub.exportSources" -}}
{{- with .Values.export -}}
{{- if .stripe.eventName }}
- secret: {name: {{ .stripe.existingSecret }}, items: [{key: apiKey, path: stripe-key}]}
{{- if .stripe.customersConfigMap }}
- configMap: {name: {{ .stripe.customersConfigMap }}, items: [{key: customers.yaml, path: customers.yaml}]}
{{- end }}
{{- end }}
{{- if and .cloudEvents.url .cloudEvents.existingSecret }}
- secret: {name: {{ .cloudEvents.existingSecret }}, items: [{key: token, path: cloudevents-token}]}
{{- end }}
{{- if .webhook.url }}
- secret: {name: {{ .webhook.existingSecret }}, items: [{key: secret, path: webhook-secret}]}
{{- end }}
{{- end -}}
{{- end }}
