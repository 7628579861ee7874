{{/* What no schema can say in words that help. */}}
{{- define "hub.checks" -}}
{{- with .Values.database -}}
{{- if and .bundled.enabled .existingSecret -}}
{{- fail "database: existingSecret and bundled.enabled are both set; keep one of them" -}}
{{- else if not (or .bundled.enabled .existingSecret) -}}
{{- fail "database: say where usage and money are recorded: database.existingSecret=NAME of a Secret with the data key url, or, to try the hub out, database.bundled.enabled=true" -}}
{{- end -}}
{{- end -}}
{{- with .Values.tls -}}
{{- if and (eq .mode "Secret") (not .secretName) -}}
{{- fail "tls: mode Secret needs tls.secretName, a Secret of type kubernetes.io/tls" -}}
{{- else if and (eq .mode "CertManager") (not .issuerRef.name) -}}
{{- fail "tls: mode CertManager needs tls.issuerRef.name" -}}
{{- end -}}
{{- end -}}
{{- if and (has "*" .Values.tenantNamespaces) (gt (len .Values.tenantNamespaces) 1) -}}
{{- fail "tenantNamespaces: \"*\" is every namespace already; leave the others out" -}}
{{- end -}}
{{- with .Values.sidecar -}}
{{- if and .ca.configMap .ca.bundle -}}
{{- fail "sidecar: ca.configMap and ca.bundle are both set; keep one of them" -}}
{{- end -}}
{{- if and .injection.enabled (not .allowInsecure) (hasPrefix "http://" (include "hub.sidecarHub" $)) -}}
{{- fail "sidecar: the hub's address is plain HTTP, so pods' tokens would pass in clear: set tls.mode, or sidecar.allowInsecure=true if that is meant" -}}
{{- end -}}
{{- end -}}
{{- with .Values.export -}}
{{- if and .stripe.eventName (not .stripe.existingSecret) -}}
{{- fail "export: stripe.eventName needs stripe.existingSecret, a Secret with the data key apiKey" -}}
{{- else if and .webhook.url (not .webhook.existingSecret) -}}
{{- fail "export: webhook.url needs webhook.existingSecret, a Secret with the data key secret" -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail "autoscaling: minReplicas is above maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- end }}
