{{- /*
Rules that both policies share, each an entry of a rules list. Addresses of cloud metadata are left out of "everywhere":
whoever reads them has the rights of the node. They are 169.254.169.254 and its neighbours on AWS, Google, Azure and
Oracle, 168.63.129.16 (Azure's host), 100.100.100.200 (Alibaba), 192.0.0.192 (Oracle), fd00:ec2::/32 (AWS), fd20:ce::/32
(Google).
*/}}
{{- define "turnbridge.networkPolicy.everywhere" -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [169.254.0.0/16, 168.63.129.16/32, 100.100.100.200/32, 192.0.0.192/32]
- ipBlock:
    cidr: ::/0
    except: [fe80::/10, fd00:ec2::/32, fd20:ce::/32]
- namespaceSelector: {} # some network plugins count no pod as an address
{{- end -}}

{{- define "turnbridge.networkPolicy.dns" -}}
- to:
    {{- .Values.networkPolicy.dns | default (list (dict "namespaceSelector" dict)) | toYaml | nindent 4 }}
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}

{{- /* Most network plugins look after the Service's address was replaced by the server's own: hence its real port, too. */}}
{{- define "turnbridge.networkPolicy.apiServer" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
  {{- with .Values.networkPolicy.apiServer }}
  to:
    {{- range . }}
    - ipBlock: { cidr: {{ . | quote }} }
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "turnbridge.networkPolicy.monitoring" -}}
{{- if .Values.networkPolicy.monitoring -}}
{{- toYaml .Values.networkPolicy.monitoring -}}
{{- else -}}
- podSelector: {}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: monitoring
{{- end -}}
{{- end -}}

{{- /* Who asks the ops port for /readyz beside the kubelet, which no policy holds up: cloud load balancers. Nobody unless the values say so. */}}
{{- define "turnbridge.networkPolicy.healthChecks" -}}
{{- if .Values.networkPolicy.healthChecks -}}
{{- toYaml .Values.networkPolicy.healthChecks -}}
{{- else if eq (include "turnbridge.networkPolicy.prober" .) "gke" -}}
{{- /* from where Google's load balancers probe, by its documentation */ -}}
- ipBlock: { cidr: 35.191.0.0/16 }
- ipBlock: { cidr: 130.211.0.0/22 }
{{- end -}}
{{- end -}}

{{- /* The product whose load balancer probes the ops port from outside of the cluster, or nothing. */}}
{{- define "turnbridge.networkPolicy.prober" -}}
{{- if and .Values.ingress.enabled (has .Values.ingress.preset (list "alb" "agic" "gke")) -}}
{{- .Values.ingress.preset -}}
{{- else if and .Values.httpRoute.enabled (eq .Values.httpRoute.implementation "gke") -}}
gke
{{- end -}}
{{- end -}}

{{- /* The port of an http or https URL, its scheme's own unless it has one. */}}
{{- define "turnbridge.networkPolicy.portOf" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary 443 80 (eq $url.scheme "https")) -}}
{{- end -}}

{{- /* A selector of pods of this release. Takes root and component. */}}
{{- define "turnbridge.networkPolicy.pods" -}}
podSelector:
  matchLabels:
    {{- include "turnbridge.selectorLabels" . | nindent 4 }}
{{- end -}}

{{- /* The same for all releases of this namespace: an operator may feed the bridges of another one. */}}
{{- define "turnbridge.networkPolicy.podsOfAnyRelease" -}}
podSelector:
  matchLabels:
    {{- omit (include "turnbridge.selectorLabels" . | fromYaml) "app.kubernetes.io/instance" | toYaml | nindent 4 }}
{{- end -}}
