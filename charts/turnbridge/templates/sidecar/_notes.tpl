{{- /* What NOTES say of sidecars. Takes the root; prints nothing where there are no namespaces for them. */}}
{{- define "turnbridge.sidecar.notes" -}}
{{- $sidecar := .Values.sidecar -}}
{{- with $sidecar.namespaces -}}
SIDECARS
Routes of {{ join ", " . }} with `bridgeName: {{ $sidecar.bridgeName }}` are served inside of the pods there, at http://127.0.0.1:{{ int $sidecar.port }}/v1.
{{ if and $sidecar.injection.enabled (include "turnbridge.sidecar.policyVersion" $) -}}
A pod gets the sidecar by the label {{ include "turnbridge.sidecar.label" $ }}: "true"
{{- if $sidecar.injection.byNamespaceLabel }} (of the pod, or of its namespace; the pod's counts more){{ end }}, when it is created.
{{- else -}}
{{- if $sidecar.injection.enabled -}}
This cluster has no MutatingAdmissionPolicy, so nothing is injected.
{{ end -}}
Write it into the spec of their pods:

{{ include "turnbridge.sidecar.snippet" $ }}
{{- end }}
{{- end -}}
{{- end -}}
