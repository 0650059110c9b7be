{{- define "turnbridge.validate.httpRoute" -}}
{{- $route := .Values.httpRoute -}}
{{- if $route.enabled -}}
  {{- if not $route.parentRefs -}}
    {{- fail "httpRoute.parentRefs is empty: name the Gateway that takes the route, as {name: …, namespace: …}" -}}
  {{- end -}}
  {{- if and (eq $route.implementation "istio") .Values.bridge.tls.enabled -}}
    {{- fail "bridge.tls.enabled: with httpRoute.implementation istio, let the mesh encrypt the way to the bridge, and set bridge.tls.enabled to false" -}}
  {{- end -}}
  {{- if and (eq $route.implementation "nginx-gateway-fabric") (gt (int64 $route.timeoutSeconds) 9999) -}}
    {{- fail (printf "httpRoute.timeoutSeconds: %d is more than a ProxySettingsPolicy takes, which is 9999. Use 3700" (int64 $route.timeoutSeconds)) -}}
  {{- end -}}
  {{- include "turnbridge.validate.timeout" (dict "root" . "path" "httpRoute" "lifetime" (eq $route.implementation "gke")) -}}
{{- end -}}
{{- end -}}
