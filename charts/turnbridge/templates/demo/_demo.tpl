{{- /* The scripted provider's Deployment and Service. */}}
{{- define "turnbridge.demo.name" -}}
{{- include "turnbridge.objectName" (dict "root" . "suffix" "demo") -}}
{{- end -}}

{{- /* Port of the Service and of the container. */}}
{{- define "turnbridge.demo.port" -}}
8788
{{- end -}}

{{- /* Flags of the operator, lines of a YAML list: it makes the demo's route, since a chart cannot bring an object of a kind that it installs in the same release. */}}
{{- define "turnbridge.demo.operatorArgs" -}}
{{- if .Values.demo.enabled -}}
- --demo-provider={{ include "turnbridge.demo.name" . }}
{{- end -}}
{{- end -}}

{{- /*
Rules of the operator's Role in its own namespace, for that route. A server-side apply that creates is judged with the
object's name, so `create` is limited to it too. The Service is read for its uid: it owns the route.
*/}}
{{- define "turnbridge.demo.operatorRules" -}}
{{- if .Values.demo.enabled -}}
- apiGroups: [turnbridge.dev]
  resources: [responsesroutes]
  resourceNames: [demo]
  verbs: [get, create, patch]
- apiGroups: ['']
  resources: [services]
  resourceNames: [{{ include "turnbridge.demo.name" . | quote }}]
  verbs: [get]
{{- end -}}
{{- end -}}

{{- /* Where the pods of demo and test may run: where bridges do, since it is their image. */}}
{{- define "turnbridge.demo.scheduling" -}}
{{- range $field := list "nodeSelector" "tolerations" }}
{{- with index $.Values.bridge $field }}
{{ $field }}:
  {{- include "turnbridge.tplValue" (dict "root" $ "value" .) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
