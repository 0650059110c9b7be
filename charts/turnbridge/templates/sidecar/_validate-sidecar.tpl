{{- define "turnbridge.validate.sidecar" -}}
{{- $sidecar := .Values.sidecar -}}
{{- if and $sidecar.injection.enabled (not $sidecar.namespaces) -}}
{{- fail "sidecar.injection.enabled is true and sidecar.namespaces is empty: write the namespaces whose pods may get a sidecar" -}}
{{- end -}}
{{- if and $sidecar.namespaces (not .Values.operator.enabled) -}}
{{- fail "sidecar.namespaces: operator.enabled is false, so nobody writes the snapshot Secrets there. Name them in the release that has the operator" -}}
{{- end -}}
{{- range $sidecar.namespaces -}}
{{- if eq . (include "turnbridge.namespace" $) -}}
{{- fail (printf "sidecar.namespaces names %s, the namespace of this release: its snapshot Secret is that of the bridges. Run the application in a namespace of its own" .) -}}
{{- end -}}
{{- if eq . "kube-system" -}}
{{- fail "sidecar.namespaces names kube-system: pods of the cluster itself get no sidecar. Name namespaces of applications" -}}
{{- end -}}
{{- end -}}
{{- if and $sidecar.namespaces (eq $sidecar.bridgeName .Values.bridge.bridgeName) -}}
{{- fail (printf "sidecar.bridgeName and bridge.bridgeName are both %s: routes say by that name where they are served. Write two names" $sidecar.bridgeName) -}}
{{- end -}}
{{- if eq (int $sidecar.port) (int $sidecar.opsPort) -}}
{{- fail (printf "sidecar.port and sidecar.opsPort are both %d: write two ports" (int $sidecar.port)) -}}
{{- end -}}
{{- end -}}
