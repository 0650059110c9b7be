{{/*
What a Deployment selects its pods by. It can never change while the Deployment lives: no version, no label of the user.
dict "root" . "component" "bridge"
*/}}
{{- define "turnbridge.selectorLabels" -}}
app.kubernetes.io/name: {{ include "turnbridge.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component | quote }}
{{- end -}}

{{/* The labels of every object. dict "root" . "component" "bridge" ["labels" more] */}}
{{- define "turnbridge.labels" -}}
{{- $root := .root -}}
{{- $own := fromYaml (include "turnbridge.selectorLabels" .) -}}
{{- $_ := set $own "app.kubernetes.io/version" (default $root.Chart.AppVersion $root.Values.image.tag | trunc 63 | trimAll "-_.") -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "turnbridge" -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_.") -}}
{{- include "turnbridge.labelsBeside" (dict "root" $root "own" $own "labels" .labels) -}}
{{- end -}}

{{/*
The labels of a pod template: no version of chart or program. What changes nothing in a pod must not replace it, for each
bridge that goes takes its clients along. dict "root" . "component" "bridge" ["labels" more]
*/}}
{{- define "turnbridge.podLabels" -}}
{{- include "turnbridge.labelsBeside" (dict "root" .root "own" (fromYaml (include "turnbridge.selectorLabels" .)) "labels" .labels) -}}
{{- end -}}

{{/* Our own labels, those given, and the common ones: in this order who wins. dict "root" . "own" … ["labels" …] */}}
{{- define "turnbridge.labelsBeside" -}}
{{- $root := .root -}}
{{- $all := .own -}}
{{- range $name, $value := mergeOverwrite (dict) (default (dict) $root.Values.commonLabels) (default (dict) .labels) -}}
{{- if not (hasKey $all $name) -}}
{{- $_ := set $all $name (tpl (toString $value) $root) -}}
{{- end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/*
`annotations:` and what belongs below it, or nothing. An object's own win over the common ones.
dict "root" . ["annotations" more]
*/}}
{{- define "turnbridge.annotations" -}}
{{- $root := .root -}}
{{- $all := dict -}}
{{- range $name, $value := mergeOverwrite (dict) (default (dict) $root.Values.commonAnnotations) (default (dict) .annotations) -}}
{{- $_ := set $all $name (tpl (toString $value) $root) -}}
{{- end -}}
{{- with $all -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/*
All of `metadata:` of an object.
dict "root" . "component" "bridge" "name" NAME ["clusterScoped" true] ["namespace" OTHER] ["labels" …] ["annotations" …]
*/}}
{{- define "turnbridge.metadata" -}}
metadata:
  name: {{ .name | quote }}
  {{- if not .clusterScoped }}
  namespace: {{ default (include "turnbridge.namespace" .root) .namespace | quote }}
  {{- end }}
  labels:
    {{- include "turnbridge.labels" (pick . "root" "component" "labels") | nindent 4 }}
  {{- with include "turnbridge.annotations" (pick . "root" "annotations") }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* A value as YAML, with templates in it carried out. dict "root" . "value" … */}}
{{- define "turnbridge.tplValue" -}}
{{- if kindIs "string" .value -}}
{{- tpl .value .root -}}
{{- else -}}
{{- tpl (toYaml .value) .root -}}
{{- end -}}
{{- end -}}

{{/* Of a map of flags, those that are not empty; 0 and false are not. */}}
{{- define "turnbridge.writtenFlags" -}}
{{- $written := dict -}}
{{- range $name, $value := . -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
{{- $_ := set $written $name $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $written -}}
{{- end -}}

{{/*
A map of flags as lines of an argument list: `maxConnections: 5` is `--max-connections=5`. Numbers of a values file are
floats: as JSON they are never printed as 1e+06.
*/}}
{{- define "turnbridge.args" -}}
{{- $lines := list -}}
{{- range $name, $value := fromYaml (include "turnbridge.writtenFlags" .) -}}
{{- $text := kindIs "string" $value | ternary (toString $value) (toJson $value) -}}
{{- $lines = append $lines (printf "- %s" (printf "--%s=%s" (kebabcase $name) $text | quote)) -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}
