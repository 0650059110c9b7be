{{- /*
What the preset writes into the Ingress, as YAML. `docs/ingress.md` says for each line what the product does without.
Answers by HTTP count, too: a request body has no limit but the bridge's own, and nothing waits in a buffer.
*/}}
{{- define "turnbridge.ingress.presetAnnotations" -}}
{{- $preset := .Values.ingress.preset -}}
{{- $seconds := int64 .Values.ingress.timeoutSeconds -}}
{{- $service := include "turnbridge.fullname" . -}}
{{- $tls := .Values.bridge.tls.enabled -}}
{{- $opsPort := .Values.bridge.containerPorts.ops -}}
{{- if eq $preset "nginx" }}
nginx.org/websocket-services: {{ $service | quote }}
nginx.org/proxy-read-timeout: {{ printf "%ds" $seconds }}
nginx.org/proxy-send-timeout: {{ printf "%ds" $seconds }}
nginx.org/client-max-body-size: "0"
nginx.org/proxy-buffering: "false"
{{- if $tls }}
nginx.org/ssl-services: {{ $service | quote }}
{{- end }}
{{- else if eq $preset "nginx-retired" }}
nginx.ingress.kubernetes.io/proxy-read-timeout: {{ $seconds | quote }}
nginx.ingress.kubernetes.io/proxy-send-timeout: {{ $seconds | quote }}
nginx.ingress.kubernetes.io/proxy-body-size: "0"
nginx.ingress.kubernetes.io/proxy-buffering: "off"
{{- if $tls }}
nginx.ingress.kubernetes.io/backend-protocol: HTTPS
{{- end }}
{{- else if eq $preset "haproxy" }}
haproxy.org/timeout-server: {{ printf "%ds" $seconds }}
haproxy.org/backend-config-snippet: {{ printf "timeout tunnel %ds" $seconds }}
{{- if $tls }}
haproxy.org/server-ssl: "true"
{{- end }}
{{- else if eq $preset "haproxy-community" }}
haproxy-ingress.github.io/timeout-tunnel: {{ printf "%ds" $seconds }}
haproxy-ingress.github.io/timeout-server: {{ printf "%ds" $seconds }}
{{- if $tls }}
haproxy-ingress.github.io/backend-protocol: h1-ssl
{{- end }}
{{- else if eq $preset "cilium" }}
ingress.cilium.io/request-timeout: 0s
{{- else if eq $preset "kong" }}
konghq.com/request-buffering: "false"
konghq.com/response-buffering: "false"
{{- else if eq $preset "alb" }}
alb.ingress.kubernetes.io/target-type: ip
alb.ingress.kubernetes.io/load-balancer-attributes: {{ printf "idle_timeout.timeout_seconds=%d" $seconds }}
alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=3600
alb.ingress.kubernetes.io/healthcheck-port: {{ $opsPort | quote }}
alb.ingress.kubernetes.io/healthcheck-path: /readyz
{{- if $tls }}
alb.ingress.kubernetes.io/backend-protocol: HTTPS
alb.ingress.kubernetes.io/healthcheck-protocol: HTTP
{{- end }}
{{- else if eq $preset "gke" }}
kubernetes.io/ingress.class: {{ .Values.ingress.className | default "gce" | quote }}
{{- else if eq $preset "agic" }}
appgw.ingress.kubernetes.io/request-timeout: {{ $seconds | quote }}
appgw.ingress.kubernetes.io/connection-draining: "true"
appgw.ingress.kubernetes.io/connection-draining-timeout: "3600"
appgw.ingress.kubernetes.io/health-probe-port: {{ $opsPort | quote }}
appgw.ingress.kubernetes.io/health-probe-path: /readyz
{{- if $tls }}
appgw.ingress.kubernetes.io/backend-protocol: https
{{- end }}
{{- end }}
{{- end -}}

{{- /* For spec.ingressClassName: the value, or the class that the product's own installation makes. GKE reads the annotation only. */}}
{{- define "turnbridge.ingress.className" -}}
{{- $classes := dict "nginx" "nginx" "nginx-retired" "nginx" "traefik" "traefik" "haproxy" "haproxy" "haproxy-community" "haproxy" "contour" "contour" "cilium" "cilium" "kong" "kong" "alb" "alb" "agic" "azure-application-gateway" -}}
{{- if ne .Values.ingress.preset "gke" -}}
{{- .Values.ingress.className | default (get $classes .Values.ingress.preset) -}}
{{- end -}}
{{- end -}}

{{- /*
What products read on the Service instead of the Ingress, as YAML: the bridge's Service includes it, below the user's
own annotations. Takes root.
*/}}
{{- define "turnbridge.ingress.serviceAnnotations" -}}
{{- $ingress := .Values.ingress -}}
{{- if $ingress.enabled -}}
{{- if eq $ingress.preset "kong" }}
konghq.com/read-timeout: {{ mul (int64 $ingress.timeoutSeconds) 1000 | quote }}
konghq.com/write-timeout: {{ mul (int64 $ingress.timeoutSeconds) 1000 | quote }}
{{- if .Values.bridge.tls.enabled }}
konghq.com/protocol: https
{{- end }}
{{- else if eq $ingress.preset "gke" }}
cloud.google.com/backend-config: {{ dict "default" (include "turnbridge.fullname" .) | toJson | quote }}
cloud.google.com/neg: {{ dict "ingress" true | toJson | quote }}
{{- if .Values.bridge.tls.enabled }}
cloud.google.com/app-protocols: {{ dict "https" "HTTPS" | toJson | quote }}
{{- end }}
{{- else if and (eq $ingress.preset "traefik") .Values.bridge.tls.enabled }}
traefik.ingress.kubernetes.io/service.serversscheme: https
{{- end }}
{{- end -}}
{{- end -}}
