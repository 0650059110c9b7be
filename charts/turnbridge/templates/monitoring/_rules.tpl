{{- /* The groups of the shipped rule file without the alerts that the values leave out; a group that has none left is left out too. */}}
{{- define "turnbridge.monitoring.groups" -}}
{{- $text := include "turnbridge.monitoring.withRunbooks" (dict "root" . "text" (.Files.Get "rules/turnbridge.rules.yaml")) -}}
{{- $disabled := .Values.monitoring.prometheusRule.disabledAlerts -}}
{{- $groups := list -}}
{{- range (fromYaml $text).groups -}}
  {{- $rules := list -}}
  {{- range .rules -}}
    {{- if not (and .alert (has .alert $disabled)) -}}
      {{- $rules = append $rules . -}}
    {{- end -}}
  {{- end -}}
  {{- if $rules -}}
    {{- $groups = append $groups (merge (dict "rules" $rules) .) -}}
  {{- end -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}

{{- /* Names of all shipped alerts, a line each. */}}
{{- define "turnbridge.monitoring.alerts" -}}
{{- range (fromYaml (.Files.Get "rules/turnbridge.rules.yaml")).groups -}}
{{- range .rules -}}
{{- with .alert }}{{ . }}
{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
