{{- define "turnbridge.validate.ingress" -}}
{{- $ingress := .Values.ingress -}}
{{- if $ingress.enabled -}}
  {{- if not $ingress.hosts -}}
    {{- fail "ingress.hosts is empty: list the hosts that clients use, such as codex.example.com, or set ingress.enabled to false" -}}
  {{- end -}}
  {{- if eq $ingress.preset "envoy-gateway" -}}
    {{- fail "ingress.preset: Envoy Gateway reads no Ingress. Set httpRoute.enabled with httpRoute.implementation: envoy-gateway, and ingress.enabled to false" -}}
  {{- end -}}
  {{- if and (eq $ingress.preset "istio") (not $ingress.gateways) -}}
    {{- fail "ingress.gateways is empty: with preset istio, list the Gateways that take the hosts, as NAMESPACE/NAME" -}}
  {{- end -}}
  {{- if and (ne $ingress.preset "istio") $ingress.gateways -}}
    {{- fail (printf "ingress.gateways is for preset istio only, and the preset is %s: take it out, or set ingress.preset to istio" $ingress.preset) -}}
  {{- end -}}
  {{- if and (eq $ingress.preset "istio") $ingress.tls -}}
    {{- fail "ingress.tls: with preset istio, certificates are the Gateway's (spec.servers[].tls). Set them there, and take ingress.tls out" -}}
  {{- end -}}
  {{- if eq $ingress.preset "contour" -}}
    {{- range $ingress.tls -}}
      {{- if not (and .secretName .hosts) -}}
        {{- fail "ingress.tls: with preset contour each entry needs secretName and hosts, or no host would be served with the certificate: name those of ingress.hosts that it is for" -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
  {{- if and (has $ingress.preset (list "istio" "cilium")) .Values.bridge.tls.enabled -}}
    {{- fail (printf "bridge.tls.enabled: preset %s cannot speak TLS with the bridge. Let the mesh encrypt that way, and set bridge.tls.enabled to false" $ingress.preset) -}}
  {{- end -}}
  {{- if and (has $ingress.preset (list "contour" "istio")) (eq $ingress.pathType "ImplementationSpecific") -}}
    {{- fail (printf "ingress.pathType: preset %s renders a kind of its own, which knows Prefix and Exact. Use one of them" $ingress.preset) -}}
  {{- end -}}
  {{- if and (eq $ingress.preset "alb") (gt (int64 $ingress.timeoutSeconds) 4000) -}}
    {{- fail (printf "ingress.timeoutSeconds: %d is more than an AWS load balancer takes, which is 4000. Use 3700" (int64 $ingress.timeoutSeconds)) -}}
  {{- end -}}
  {{- $lifetime := has $ingress.preset (list "gke" "agic") -}}
  {{- include "turnbridge.validate.timeout" (dict "root" . "path" "ingress" "lifetime" $lifetime) -}}
{{- end -}}
{{- end -}}

{{- /*
Refuses a timeout that would cut sockets that should live: a limit of their life that is not above the hour that a
connection may last, a limit of silence that is not above that hour nor above the bridge's pings. Takes root; path,
`ingress` or `httpRoute`; lifetime, whether this product counts time whatever the traffic.
*/}}
{{- define "turnbridge.validate.timeout" -}}
{{- $seconds := int64 (index .root.Values .path).timeoutSeconds -}}
{{- $ping := dig "pingInterval" 25 (fromYaml (include "turnbridge.writtenFlags" .root.Values.bridge.flags)) | int64 -}}
{{- if le $seconds 3600 -}}
  {{- if .lifetime -}}
    {{- fail (printf "%s.timeoutSeconds: %d would end sockets in mid turn: this product counts a socket's whole life, and one may last 3600 s. Use 3700" .path $seconds) -}}
  {{- else if eq $ping 0 -}}
    {{- fail (printf "%s.timeoutSeconds: %d would end sockets that are silent for that long, and with bridge.flags.pingInterval 0 nothing breaks the silence. Use 3700, or set pingInterval to 25" .path $seconds) -}}
  {{- else if le $seconds $ping -}}
    {{- fail (printf "%s.timeoutSeconds: %d is not more than bridge.flags.pingInterval (%d), so that silent sockets end before the next ping. Use 3700" .path $seconds $ping) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
