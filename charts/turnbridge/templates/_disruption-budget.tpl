{{/*
One for a component of several pods. Of a single one it would forbid every drain of its node, or mean nothing.
dict "root" . "component" "bridge" "name" NAME "several" true|false
*/}}
{{- define "turnbridge.disruptionBudget" -}}
{{- $budget := (index .root.Values .component).podDisruptionBudget -}}
{{- if and $budget.enabled .several -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "turnbridge.metadata" (dict "root" .root "component" .component "name" .name) }}
spec:
  maxUnavailable: {{ kindIs "string" $budget.maxUnavailable | ternary $budget.maxUnavailable (toJson $budget.maxUnavailable) }}
  {{- /* a pod that is not ready holds nobody: it must not hold the drain of a node either */}}
  unhealthyPodEvictionPolicy: {{ $budget.unhealthyPodEvictionPolicy }}
  selector:
    matchLabels:
      {{- include "turnbridge.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}
