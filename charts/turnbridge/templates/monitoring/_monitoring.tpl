{{- /*
Whether objects of a kind of the Prometheus operator are rendered: `true`, or nothing.
Takes root; kind, such as ServiceMonitor; path, of the values that ask for it (with enabled and renderMode).
The decision is by what the cluster serves, never by a lookup: `helm template` is told by --api-versions.
*/}}
{{- define "turnbridge.monitoring.renders" -}}
{{- $values := index .root.Values.monitoring .path -}}
{{- $api := printf "monitoring.coreos.com/v1/%s" .kind -}}
{{- if $values.enabled -}}
  {{- if or (eq $values.renderMode "Always") (.root.Capabilities.APIVersions.Has $api) -}}
true
  {{- else if eq $values.renderMode "Fail" -}}
    {{- fail (printf "monitoring.%s.enabled: this cluster serves no %s. Install the Prometheus operator's CRDs first, or set monitoring.%s.renderMode: Skip leaves the object out, Always renders it all the same. `helm template` is told what a cluster serves by --api-versions %s" .path .kind .path $api) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* Whose ops ports are scraped, by component. */}}
{{- define "turnbridge.monitoring.components" -}}
bridge{{ if .Values.operator.enabled }} operator{{ end }}
{{- end -}}

{{- /*
The `job` of a component's series, the same by a ServiceMonitor and by a PodMonitor: alerts take one (namespace, job)
for one installation, and dashboards tell the operator from the bridge by it. Takes root and component.
*/}}
{{- define "turnbridge.monitoring.job" -}}
{{- if eq .component "operator" -}}
{{- include "turnbridge.objectName" (dict "root" .root "suffix" "operator") -}}
{{- else -}}
{{- include "turnbridge.fullname" .root -}}
{{- end -}}
{{- end -}}

{{- /* One endpoint of a ServiceMonitor or a PodMonitor. Takes root, component and values. */}}
{{- define "turnbridge.monitoring.endpoint" -}}
port: ops
path: /metrics
interval: {{ .values.interval | quote }}
{{- with .values.scrapeTimeout }}
scrapeTimeout: {{ . | quote }}
{{- end }}
honorLabels: {{ .values.honorLabels }}
relabelings:
  - targetLabel: job
    replacement: {{ include "turnbridge.monitoring.job" . | quote }}
  {{- with .values.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Where the rules and dashboards that are shipped say that runbooks are. */}}
{{- define "turnbridge.monitoring.shippedRunbooks" -}}
https://turnbridge.dev/docs/operations
{{- end -}}

{{- /* A shipped file with runbooks where the values say that they are. Takes root and text. Its own braces stay as they are: it never goes through tpl. */}}
{{- define "turnbridge.monitoring.withRunbooks" -}}
{{- with .root.Values.monitoring.prometheusRule.runbookBaseUrl -}}
{{- $.text | replace (include "turnbridge.monitoring.shippedRunbooks" $.root) (trimSuffix "/" .) -}}
{{- else -}}
{{- .text -}}
{{- end -}}
{{- end -}}
