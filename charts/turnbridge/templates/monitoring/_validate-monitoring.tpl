{{- define "turnbridge.validate.monitoring" -}}
{{- $monitoring := .Values.monitoring -}}
{{- if and $monitoring.serviceMonitor.enabled $monitoring.podMonitor.enabled -}}
  {{- fail "monitoring.serviceMonitor.enabled and monitoring.podMonitor.enabled are both true: every series would be scraped twice. Keep one of them" -}}
{{- end -}}
{{- range $monitor := list "serviceMonitor" "podMonitor" -}}
  {{- $values := index $monitoring $monitor -}}
  {{- $texts := list $values.interval (default "" $values.scrapeTimeout) -}}
  {{- /* the usual spelling: of the others Prometheus judges */ -}}
  {{- if and $values.enabled (regexMatch "^[0-9]+s$" (first $texts)) (regexMatch "^[0-9]+s$" (last $texts)) -}}
    {{- if gt (last $texts | trimSuffix "s" | int) (first $texts | trimSuffix "s" | int) -}}
      {{- fail (printf "monitoring.%s.scrapeTimeout is %s, longer than the interval (%s): Prometheus would take nothing of it. Write %s or less" $monitor (last $texts) (first $texts) (first $texts)) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $alerts := splitList "\n" (include "turnbridge.monitoring.alerts" . | trim) -}}
{{- range $monitoring.prometheusRule.disabledAlerts -}}
  {{- if not (has . $alerts) -}}
    {{- fail (printf "monitoring.prometheusRule.disabledAlerts: there is no alert %q. The alerts are %s" . (join ", " $alerts)) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
