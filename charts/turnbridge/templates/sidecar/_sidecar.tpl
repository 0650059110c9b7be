{{/*
The native sidecar, as it is injected, printed in NOTES and written in docs/sidecar.md: one source for all three.
*/}}

{{- define "turnbridge.sidecar.label" -}}
sidecar.turnbridge.dev/inject
{{- end -}}

{{/* The init container. Takes the root. No token, no writable path, and no way in but loopback and the ops port. */}}
{{- define "turnbridge.sidecar.container" -}}
{{- $sidecar := .Values.sidecar -}}
name: turnbridge
image: {{ include "turnbridge.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
# an init container that stays: it starts before the application, and is told to stop when that has ended
restartPolicy: Always
args:
  - bridge
  - --snapshot-dir=/turnbridge/snapshot
  - --listen=127.0.0.1:{{ int $sidecar.port }}
  - --ops-listen=0.0.0.0:{{ int $sidecar.opsPort }}
  {{- with include "turnbridge.args" $sidecar.flags }}
  {{- . | nindent 2 }}
  {{- end }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: NODE_OPTIONS
    value: --max-old-space-size-percentage={{ int $sidecar.heapPercent }}
ports:
  - name: turnbridge-ops
    containerPort: {{ int $sidecar.opsPort }}
# the application waits until there is a route: a Secret that is written later is mounted within two minutes
startupProbe:
  httpGet:
    path: /readyz
    port: turnbridge-ops
  periodSeconds: 1
  failureThreshold: 300
livenessProbe:
  httpGet:
    path: /healthz
    port: turnbridge-ops
  timeoutSeconds: 5
  failureThreshold: 6
{{- with $sidecar.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if not (include "turnbridge.openshift" .) }}
  runAsUser: {{ int $sidecar.runAsUser }}
  runAsGroup: {{ int $sidecar.runAsUser }}
  {{- end }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
volumeMounts:
  - name: turnbridge-snapshot
    mountPath: /turnbridge/snapshot
    readOnly: true
  # Kubernetes mounts the token of the application's account in each container that has nothing here
  - name: turnbridge-snapshot
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
{{- end -}}

{{/* The volume to it. Optional: a pod may come before the first route. Takes the root. */}}
{{- define "turnbridge.sidecar.volume" -}}
name: turnbridge-snapshot
secret:
  secretName: {{ include "turnbridge.snapshotName" . | quote }}
  optional: true
{{- end -}}

{{/* What to write into a pod's spec. Takes the root. */}}
{{- define "turnbridge.sidecar.snippet" -}}
initContainers:
  - {{ include "turnbridge.sidecar.container" . | indent 4 | trim }}
volumes:
  - {{ include "turnbridge.sidecar.volume" . | indent 4 | trim }}
{{- end -}}

{{/* The version of the API in which the cluster has injection; nothing where it has none. Takes the root. */}}
{{- define "turnbridge.sidecar.policyVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1beta1
{{- end -}}
{{- end -}}

{{/*
A value as a CEL literal. Kubernetes' CEL wants the values of one map or list to have one type: dyn() lifts each.
Takes the value.
*/}}
{{- define "turnbridge.sidecar.cel" -}}
{{- $value := . -}}
{{- if kindIs "map" $value -}}
{{- $entries := list -}}
{{- range $key := keys $value | sortAlpha -}}
{{- $entries = append $entries (printf "%s: dyn(%s)" (toJson $key) (include "turnbridge.sidecar.cel" (index $value $key))) -}}
{{- end -}}
{ {{- join ", " $entries -}} }
{{- else if kindIs "slice" $value -}}
{{- $items := list -}}
{{- range $value -}}
{{- $items = append $items (printf "dyn(%s)" (include "turnbridge.sidecar.cel" .)) -}}
{{- end -}}
[ {{- join ", " $items -}} ]
{{- else -}}
{{- toRawJson $value -}}
{{- end -}}
{{- end -}}

{{/* The same of a map, an entry a line: what a person reads with kubectl. */}}
{{- define "turnbridge.sidecar.celLines" -}}
{{- $value := . -}}
{{- $entries := list -}}
{{- range $key := keys $value | sortAlpha -}}
{{- $entries = append $entries (printf "  %s: dyn(%s)" (toJson $key) (include "turnbridge.sidecar.cel" (index $value $key))) -}}
{{- end -}}
{
{{ join ",\n" $entries }}
}
{{- end -}}
