{{- /* Parts of NOTES.txt. All take the root. */}}

{{- /* Base URL of the way in from outside of the cluster, where the values tell it. */}}
{{- define "turnbridge.notes.outsideUrl" -}}
{{- if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{- ternary "https" "http" (not (empty .Values.ingress.tls)) }}://{{ tpl (first .Values.ingress.hosts) . }}{{ .Values.ingress.path | trimSuffix "/" }}/v1
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames -}}
https://{{ tpl (first .Values.httpRoute.hostnames) . }}/v1
{{- end -}}
{{- end -}}

{{- /* Where the first route is applied: the release's namespace if its routes are served, else the first of those. */}}
{{- define "turnbridge.notes.routeNamespace" -}}
{{- $namespace := include "turnbridge.namespace" . -}}
{{- $watched := .Values.operator.watchNamespaces -}}
{{- if or (empty $watched) (has $namespace $watched) -}}{{ $namespace }}{{- else -}}{{ first $watched }}{{- end -}}
{{- end -}}

{{- /* The route that a first user changes and applies. Not indented: the last line of such a block must not be. */}}
{{- define "turnbridge.notes.route" -}}
{{- $namespace := include "turnbridge.notes.routeNamespace" . -}}
kubectl -n {{ $namespace }} create secret generic openai --from-literal=apiKey="$OPENAI_API_KEY"
kubectl -n {{ $namespace }} create secret generic codex-clients --from-literal=me="$(openssl rand -hex 24)"
kubectl -n {{ $namespace }} apply -f - <<'END'
apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: openai }
spec:
  {{- if ne .Values.bridge.bridgeName "default" }}
  bridgeName: {{ .Values.bridge.bridgeName }}
  {{- end }}
  clients:
    auth: { type: APIKey, secretRef: { name: codex-clients } }
  providers:
    - name: openai
      url: https://api.openai.com/v1
      auth: { type: APIKey, secretRef: { name: openai } }
END
export TURNBRIDGE_KEY="$(kubectl -n {{ $namespace }} get secret codex-clients -o jsonpath='{.data.me}' | base64 -d)"
{{- end -}}

{{- /* Codex' configuration. Its URL is the way in from outside, or a port-forward that it says to open. */}}
{{- define "turnbridge.notes.codex" -}}
{{- $outside := include "turnbridge.notes.outsideUrl" . -}}
{{- if not $outside }}
kubectl -n {{ include "turnbridge.namespace" . }} port-forward service/{{ include "turnbridge.fullname" . }} 8787:{{ include "turnbridge.servicePort" . }}
{{- end }}

# ~/.codex/config.toml
model = "gpt-5.5"
model_provider = "turnbridge"

[model_providers.turnbridge]
name = "Turnbridge"
base_url = "{{ default (include "turnbridge.notes.localUrl" .) $outside }}"
wire_api = "responses"
supports_websockets = true
{{- if not .Values.demo.enabled }}
env_key = "TURNBRIDGE_KEY"
{{- end }}
{{- end -}}

{{- define "turnbridge.notes.scheme" -}}
{{ ternary "https" "http" .Values.bridge.tls.enabled }}
{{- end -}}

{{- /* Base URL through a port-forward. */}}
{{- define "turnbridge.notes.localUrl" -}}
{{ include "turnbridge.notes.scheme" . }}://127.0.0.1:8787/v1
{{- end -}}

{{- /* How a client outside of the cluster gets in, one line. */}}
{{- define "turnbridge.notes.fromOutside" -}}
{{- $service := printf "`kubectl -n %s get service %s`" (include "turnbridge.namespace" .) (include "turnbridge.fullname" .) -}}
{{- $scheme := include "turnbridge.notes.scheme" . -}}
{{- $type := .Values.bridge.service.type -}}
{{- if include "turnbridge.notes.outsideUrl" . -}}
{{ include "turnbridge.notes.outsideUrl" . }}
{{- else if eq $type "LoadBalancer" -}}
{{ $scheme }}://ADDRESS:{{ include "turnbridge.servicePort" . }}/v1, with the address that {{ $service }} shows
{{- else if eq $type "NodePort" -}}
{{ $scheme }}://NODE:PORT/v1, with the port that {{ $service }} shows
{{- else -}}
no way yet but the port-forward: ingress.enabled, httpRoute.enabled or bridge.service.type=LoadBalancer make one
{{- end -}}
{{- end -}}

{{- /* Things that a reviewer would ask about, a line each that begins with `- `; nothing where there are none. */}}
{{- define "turnbridge.notes.warnings" -}}
{{- $bridge := .Values.bridge -}}
{{- $scaled := ne $bridge.autoscaling.type "None" -}}
{{- $pods := ternary $bridge.autoscaling.minReplicas $bridge.replicas $scaled | int -}}
{{- if lt $pods 2 }}
- {{ $pods }} bridge pod{{ ne $pods 1 | ternary "s" "" }}: while it is replaced by force, nobody is served. Two or more (bridge.replicas) also get a PodDisruptionBudget.
{{- else if not $bridge.podDisruptionBudget.enabled }}
- No PodDisruptionBudget (bridge.podDisruptionBudget.enabled): a drain of nodes may take all bridge pods at once.
{{- end }}
{{- if and .Values.operator.enabled (lt (int .Values.operator.replicas) 2) }}
- {{ int .Values.operator.replicas }} operator pod{{ ne (int .Values.operator.replicas) 1 | ternary "s" "" }}: while there is none, bridges serve what they have and changed routes wait.
{{- end }}
{{- if and (eq $bridge.strategy.type "RollingUpdate") (gt (int $bridge.terminationGracePeriodSeconds) 600) }}
- A pod that is replaced finishes its turns first, for up to {{ $bridge.flags.drainDeadline | default 3600 | int }} s. Until then it runs beside its successor: after `helm upgrade` there may be twice the pods for that long, and nodes and quotas need room for them.
{{- end }}
{{- if eq $bridge.strategy.type "Recreate" }}
- bridge.strategy.type is Recreate: at each upgrade nobody is served until the old pods have finished their turns, for up to {{ $bridge.flags.drainDeadline | default 3600 | int }} s.
{{- end }}
{{- if and $bridge.podDisruptionBudget.enabled (has (toString $bridge.podDisruptionBudget.maxUnavailable) (list "0" "0%")) }}
- bridge.podDisruptionBudget.maxUnavailable is {{ $bridge.podDisruptionBudget.maxUnavailable }}: no node with a bridge pod can be drained.
{{- end }}
{{- range $monitor, $kind := dict "serviceMonitor" "ServiceMonitor" "podMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" }}
{{- if and (index $.Values.monitoring $monitor).enabled (not (include "turnbridge.monitoring.renders" (dict "root" $ "kind" $kind "path" $monitor))) }}
- monitoring.{{ $monitor }} is enabled and left out, since this cluster serves no {{ $kind }} (renderMode Skip): install the Prometheus operator's CRDs and upgrade this release.
{{- end }}
{{- end }}
{{- if and .Values.operator.enabled .Values.rbac.create (not .Values.operator.watchNamespaces) }}
- operator.watchNamespaces is empty: the operator may read the Secrets of all namespaces (it asks where there are routes). Naming namespaces narrows that.
{{- end }}
{{- if not .Values.crds.enabled }}
- crds.enabled is false: `kubectl get crd responsesroutes.turnbridge.dev` has to find the CRD, of this version or a later one. Beside another release, give this one a bridge.bridgeName of its own, or both their operator.watchNamespaces.
{{- end }}
{{- if not .Values.operator.enabled }}
- operator.enabled is false: another installation's operator has to write Secret {{ include "turnbridge.snapshotName" . }} into namespace {{ include "turnbridge.namespace" . }}; bridges are not ready before.
{{- end }}
{{- if not .Values.networkPolicy.enabled }}
- No NetworkPolicy (networkPolicy.enabled): whatever runs in the cluster reaches the bridge, and the bridge whatever it is sent to.
{{- end }}
{{- if and (eq $bridge.service.type "LoadBalancer") (not $bridge.tls.enabled) }}
- The load balancer gets plain HTTP (bridge.tls.enabled is false): unless it ends TLS itself, clients' keys travel in clear.
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.tls) (ne .Values.ingress.preset "istio") }}
- ingress.tls is empty: unless the way in ends TLS by other means, clients' keys travel in clear.
{{- end }}
{{- if $bridge.tls.enabled }}
- bridge.tls.enabled: clients have to trust who signed the certificate in Secret {{ $bridge.tls.existingSecret }}, and to use a name that is in it. A port-forward is none.
{{- end }}
{{- if .Values.demo.enabled }}
- demo.enabled: the route `demo` lets everybody in who reaches the bridge, and as the oldest route without hostnames it has all names that no other route names. Not for production.
{{- end }}
{{- end -}}
