{{- define "turnbridge.validate.tests" -}}
{{- with .Values.tests -}}
  {{- if and .keySecret.name (not .keySecret.key) -}}
    {{- fail (printf "tests.keySecret.key is missing: it names the entry of Secret %s that has the client key" .keySecret.name) -}}
  {{- end -}}
  {{- if and .keySecret.key (not .keySecret.name) -}}
    {{- fail (printf "tests.keySecret.name is missing: it names the Secret whose entry %s has the client key" .keySecret.key) -}}
  {{- end -}}
  {{- if and .caSecret.name (not .caSecret.key) -}}
    {{- fail (printf "tests.caSecret.key is missing: it names the entry of Secret %s that has the CA certificate, most often ca.crt" .caSecret.name) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
