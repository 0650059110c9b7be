{{- define "turnbridge.validate.demo" -}}
{{- if .Values.demo.enabled -}}
  {{- if not .Values.operator.enabled -}}
    {{- fail "demo.enabled: the demo's route is made by the operator, and operator.enabled is false. Turn the operator on, or install the demo in a release of its own with an operator" -}}
  {{- end -}}
  {{- $namespace := include "turnbridge.namespace" . -}}
  {{- with .Values.operator.watchNamespaces -}}
    {{- if not (has $namespace .) -}}
      {{- fail (printf "demo.enabled: the demo's route is in namespace %s, and operator.watchNamespaces does not have it. Add %s there, or set demo.enabled to false" $namespace $namespace) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
