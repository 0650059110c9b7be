{{- define "turnbridge.validate.networkPolicy" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $policy.enabled $policy.bridge.providers (not $policy.bridge.providerPorts) -}}
  {{- fail "networkPolicy.bridge.providerPorts is empty, so that networkPolicy.bridge.providers allows nothing: list the ports of the providers, such as 443" -}}
{{- end -}}
{{- if and $policy.enabled (not $policy.apiServerPorts) (or .Values.operator.enabled .Values.bridge.watchSnapshot) -}}
  {{- fail "networkPolicy.apiServerPorts is empty, and without the API server no route reaches a bridge: use [443, 6443]" -}}
{{- end -}}
{{- if and $policy.enabled (has (include "turnbridge.networkPolicy.prober" .) (list "alb" "agic")) (not (or $policy.healthChecks $policy.bridge.extraIngress)) -}}
  {{- fail (printf "networkPolicy.healthChecks is empty, and with ingress.preset %s a load balancer outside of the cluster asks the bridges' ops port whether they are ready: it would find none. List its subnets, such as {ipBlock: {cidr: 10.0.0.0/16}}" .Values.ingress.preset) -}}
{{- end -}}
{{- if and $policy.enabled $policy.bridge.providers .Values.bridge.watchSnapshot (not $policy.apiServer) -}}
  {{- range $policy.bridge.providerPorts -}}
    {{- if has (toString .) (splitList " " (join " " $policy.apiServerPorts)) -}}
      {{- fail (printf "networkPolicy.bridge.providers limits nothing: while networkPolicy.apiServer is empty, bridges may speak with every address on port %s, for the API server. List the API server's addresses there (kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes), or set bridge.watchSnapshot to false" (toString .)) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
