{{/*
What the pods of bridge and operator have in common. All of these take dict "root" . "component" "bridge"; the values
of a component lie under its name.
*/}}

{{/* "true" where the platform chooses uid and groups; what it serves says so, and not a look into the cluster. */}}
{{- define "turnbridge.openshift" -}}
{{- $mode := .Values.compatibility.openshift -}}
{{- if or (eq $mode "Enabled") (and (eq $mode "Auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{/* Restricted Pod Security, of a pod. dict "root" . ["context" what is added, and wins] */}}
{{- define "turnbridge.podSecurityContext" -}}
{{- $base := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- if not (include "turnbridge.openshift" .root) -}}
{{- $_ := set $base "runAsUser" 65532 -}}
{{- $_ := set $base "runAsGroup" 65532 -}}
{{- end -}}
{{- toYaml (mergeOverwrite $base (deepCopy (default (dict) .context))) -}}
{{- end -}}

{{/* The same of a container. */}}
{{- define "turnbridge.securityContext" -}}
{{- $base := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mergeOverwrite $base (deepCopy (default (dict) .context))) -}}
{{- end -}}

{{/* `imagePullSecrets:` and its list, or nothing; each once. Takes the root. */}}
{{- define "turnbridge.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat (default (list) .Values.global.imagePullSecrets) (default (list) .Values.image.pullSecrets) -}}
{{- $names = append $names (kindIs "string" . | ternary . (dig "name" "" (kindIs "map" . | ternary . (dict)))) -}}
{{- end -}}
{{- with $names | uniq -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Of a Deployment's spec, what is about replacing pods. */}}
{{- define "turnbridge.rollout" -}}
{{- $values := index .root.Values .component -}}
revisionHistoryLimit: {{ int $values.revisionHistoryLimit }}
progressDeadlineSeconds: {{ int $values.progressDeadlineSeconds }}
minReadySeconds: {{ int $values.minReadySeconds }}
strategy:
  type: {{ $values.strategy.type }}
  {{- if and (eq $values.strategy.type "RollingUpdate") $values.strategy.rollingUpdate }}
  rollingUpdate:
    {{- toYaml $values.strategy.rollingUpdate | nindent 4 }}
  {{- end }}
selector:
  matchLabels:
    {{- include "turnbridge.selectorLabels" . | nindent 4 }}
{{- end -}}

{{/* metadata of a pod template: labels of the user too, but never over those that the pods are selected by. */}}
{{- define "turnbridge.podMetadata" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
metadata:
  labels:
    {{- include "turnbridge.podLabels" (dict "root" $root "component" .component "labels" $values.podLabels) | nindent 4 }}
  {{- $own := dict "kubectl.kubernetes.io/default-container" .component -}}
  {{- if not (has (toString $values.safeToEvict) (list "" "<nil>")) -}}
  {{- $_ := set $own "cluster-autoscaler.kubernetes.io/safe-to-evict" (toString $values.safeToEvict) -}}
  {{- end -}}
  {{- if $values.doNotDisrupt -}}
  {{- $_ := set $own "karpenter.sh/do-not-disrupt" "true" -}}
  {{- end }}
  {{- include "turnbridge.annotations" (dict "root" $root "annotations" (mergeOverwrite $own (default (dict) $values.podAnnotations))) | nindent 2 }}
{{- end -}}

{{/* Of a pod's spec, everything but containers and volumes. */}}
{{- define "turnbridge.podSettings" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
serviceAccountName: {{ include "turnbridge.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "turnbridge.imagePullSecrets" $root }}
{{ . }}
{{- end }}
securityContext:
  {{- include "turnbridge.podSecurityContext" (dict "root" $root "context" $values.podSecurityContext) | nindent 2 }}
terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
{{- range $field := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with index $values $field }}
{{ $field }}: {{ tpl . $root | quote }}
{{- end }}
{{- end }}
{{- if kindIs "bool" $values.hostUsers }}
hostUsers: {{ $values.hostUsers }}
{{- end }}
{{- range $field := list "dnsConfig" "hostAliases" "nodeSelector" "affinity" "tolerations" }}
{{- with index $values $field }}
{{ $field }}:
  {{- include "turnbridge.tplValue" (dict "root" $root "value" .) | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "turnbridge.spread" . }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Spread constraints. One without a selector gets that of the component, for each revision by itself: old pods that
still drain are no reason to put a new one elsewhere.
*/}}
{{- define "turnbridge.spread" -}}
{{- $root := .root -}}
{{- $selector := dict "matchLabels" (fromYaml (include "turnbridge.selectorLabels" .)) -}}
{{- $given := (index $root.Values .component).topologySpreadConstraints -}}
{{- with $given -}}
{{- $constraints := list -}}
{{- range fromYamlArray (include "turnbridge.tplValue" (dict "root" $root "value" .)) -}}
{{- if not (hasKey . "labelSelector") -}}
{{- $_ := set . "labelSelector" $selector -}}
{{- if not (hasKey . "matchLabelKeys") -}}
{{- $_ := set . "matchLabelKeys" (list "pod-template-hash") -}}
{{- end -}}
{{- end -}}
{{- $constraints = append $constraints . -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end -}}
{{- end -}}

{{/* Of the one container, everything but name, args, ports and mounts. */}}
{{- define "turnbridge.containerSettings" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
image: {{ include "turnbridge.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
env:
  {{- include "turnbridge.environment" . | nindent 2 }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- include "turnbridge.tplValue" (dict "root" $root "value" .) | nindent 2 }}
{{- end }}
{{- range $field := list "startupProbe" "readinessProbe" "livenessProbe" "lifecycle" "resources" }}
{{- with index $values $field }}
{{ $field }}:
  {{- include "turnbridge.tplValue" (dict "root" $root "value" .) | nindent 2 }}
{{- end }}
{{- end }}
securityContext:
  {{- include "turnbridge.securityContext" (dict "root" $root "context" $values.securityContext) | nindent 2 }}
{{- end -}}

{{/*
Environment. The heap is a share of the memory limit, which Node reads from the control group. An entry of the user's
with one of our names takes its place: server-side apply refuses a name that is there twice.
*/}}
{{- define "turnbridge.environment" -}}
{{- $values := index .root.Values .component -}}
{{- $given := list -}}
{{- with $values.extraEnv -}}
{{- $given = fromYamlArray (include "turnbridge.tplValue" (dict "root" $.root "value" .)) -}}
{{- end -}}
{{- $names := list -}}
{{- range $given -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $entries := list -}}
{{- $own := list
      (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
      (dict "name" "NODE_OPTIONS" "value" (printf "--max-old-space-size-percentage=%d" (int $values.heapPercent))) -}}
{{- range $own -}}
{{- if not (has .name $names) -}}
{{- $entries = append $entries . -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $entries $given) -}}
{{- end -}}

{{/* Mounts that every container of ours has. dict "root" . "component" … "token" true|false */}}
{{- define "turnbridge.volumeMounts" -}}
{{- $values := index .root.Values .component -}}
- name: tmp
  mountPath: /tmp
{{- if .token }}
- name: token
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ include "turnbridge.tplValue" (dict "root" $.root "value" .) }}
{{- end }}
{{- end -}}

{{/*
The volumes to these. The token is written out, and not mounted by the account: it lives for an hour and the kubelet
renews it, and a pod that does not ask the API server has none.
*/}}
{{- define "turnbridge.volumes" -}}
{{- $values := index .root.Values .component -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if .token }}
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
{{- with $values.extraVolumes }}
{{ include "turnbridge.tplValue" (dict "root" $.root "value" .) }}
{{- end }}
{{- end -}}
