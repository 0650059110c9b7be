{{/* The Lease beside the snapshot Secret: of the operators that are there, its holder writes. Takes the root. */}}
{{- define "turnbridge.leaseName" -}}
{{- include "turnbridge.objectName" (dict "root" . "suffix" "operator") -}}
{{- end -}}

{{/* The operator as the subject of a binding. Takes the root. */}}
{{- define "turnbridge.operatorSubjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "turnbridge.serviceAccountName" (dict "root" . "component" "operator") | quote }}
    namespace: {{ include "turnbridge.namespace" . | quote }}
{{- end -}}

{{/* What it may do where the routes are. */}}
{{- define "turnbridge.operatorRouteRules" -}}
- apiGroups: [turnbridge.dev]
  resources: [responsesroutes]
  verbs: [list, watch]
{{- /* server-side apply; the rest of a route is its author's */}}
- apiGroups: [turnbridge.dev]
  resources: [responsesroutes/status]
  verbs: [patch]
{{- /* keys and CA bundles that routes name: RBAC cannot say "those that a route names" */}}
- apiGroups: ['']
  resources: [secrets, configmaps]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
