{{/*
Names. Each cuts what is too long for a DNS label (63), and the hyphen that a cut may leave at the end.
*/}}

{{- define "turnbridge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release, or the release and the chart. Where two releases meet all the same (`a-turnbridge`, and `a-turnbridge-demo` beside its demo), Helm refuses the second. */}}
{{- define "turnbridge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
fullname-SUFFIX in at most 63: the full name gives way, the suffix never does.
dict "root" . "suffix" "operator"
*/}}
{{- define "turnbridge.objectName" -}}
{{- $room := sub 62 (len .suffix) | int -}}
{{- printf "%s-%s" (include "turnbridge.fullname" .root | trunc $room | trimSuffix "-") .suffix -}}
{{- end -}}

{{/*
The name of an object that has no namespace, or lies in somebody else's: two releases of one name in two namespaces
do not meet there. dict "root" . "suffix" "operator"
*/}}
{{- define "turnbridge.clusterName" -}}
{{- printf "%s-%s" (include "turnbridge.objectName" .) (include "turnbridge.namespace" .root) -}}
{{- end -}}

{{- define "turnbridge.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* dict "root" . "component" "bridge" */}}
{{- define "turnbridge.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.name -}}
{{- tpl $account.name .root -}}
{{- else if $account.create -}}
{{- include "turnbridge.objectName" (dict "root" .root "suffix" .component) -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{/* The Secret that the operator writes and the bridges read. */}}
{{- define "turnbridge.snapshotName" -}}
{{- default (include "turnbridge.objectName" (dict "root" . "suffix" "snapshot")) .Values.bridge.snapshotSecret -}}
{{- end -}}

{{/* The name of the port that clients use, at the Service: `https` with bridge.tls. The container's is always `http`. */}}
{{- define "turnbridge.servicePortName" -}}
{{- .Values.bridge.tls.enabled | ternary "https" "http" -}}
{{- end -}}

{{/* That port, as clients expect it unless the values say another. */}}
{{- define "turnbridge.servicePort" -}}
{{- .Values.bridge.service.port | default (ternary 443 80 .Values.bridge.tls.enabled) | int -}}
{{- end -}}

{{/* The one image of all containers: registry, repository, and digest before tag. */}}
{{- define "turnbridge.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry .Values.global.imageRegistry -}}
{{- $repository := $image.repository -}}
{{- if $registry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" $registry) $image.repository -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
