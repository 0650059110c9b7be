{{- /* Base URL that the test and NOTES speak with: the bridge's Service, by its full name in the cluster. */}}
{{- define "turnbridge.serviceUrl" -}}
{{- $tls := .Values.bridge.tls.enabled -}}
{{- $port := include "turnbridge.servicePort" . | int -}}
{{- $host := printf "%s.%s.svc.%s" (include "turnbridge.fullname" .) (include "turnbridge.namespace" .) .Values.clusterDomain -}}
{{- printf "%s://%s" (ternary "https" "http" $tls) $host -}}
{{- if ne $port (ternary 443 80 $tls) -}}:{{ $port }}{{- end -}}
/v1
{{- end -}}

{{- /* Secret with the CA of the bridge's certificate, unless it is one that everybody trusts: tests.caSecret, else the certificate's own, where issuers put it. */}}
{{- define "turnbridge.tests.caSecretName" -}}
{{- if .Values.tests.caSecret.key -}}
{{- if .Values.tests.caSecret.name -}}
{{- .Values.tests.caSecret.name -}}
{{- else if .Values.bridge.tls.enabled -}}
{{- .Values.bridge.tls.existingSecret -}}
{{- end -}}
{{- end -}}
{{- end -}}
