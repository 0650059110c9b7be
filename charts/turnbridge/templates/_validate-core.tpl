{{/*
Values that contradict one another. Each sentence says what, where, and what to write instead. What is wrong by itself
(a typo, a text for a number) is the schema's. Each section has a file of its own, beside its templates.
*/}}

{{- define "turnbridge.validate.drain" -}}
{{- $grace := int .Values.bridge.terminationGracePeriodSeconds -}}
{{- $flags := .Values.bridge.flags -}}
{{- /* what is left out is the bridge's own default (cmd/bridge-flag-table.ts) */ -}}
{{- $all := mergeOverwrite (dict "drainDelay" 10 "drainSpread" 10 "drainDeadline" 3600 "drainLinger" 20) (fromYaml (include "turnbridge.writtenFlags" $flags)) -}}
{{- $delay := int $all.drainDelay -}}
{{- $spread := int $all.drainSpread -}}
{{- $deadline := int $all.drainDeadline -}}
{{- $linger := int $all.drainLinger -}}
{{- /* the grace period begins before the hook, SIGTERM comes after it */ -}}
{{- $sleep := dig "preStop" "sleep" "seconds" 0 (default (dict) .Values.bridge.lifecycle) | int -}}
{{- $hook := ternary (printf " and lifecycle.preStop.sleep.seconds (%d)" $sleep) "" (gt $sleep 0) -}}
{{- /* a few seconds to leave in, before the kubelet kills */ -}}
{{- $needed := add $deadline $linger $sleep 5 | int -}}
{{- if lt $grace $needed -}}
{{- fail (printf "bridge.terminationGracePeriodSeconds is %d: pods would be killed before their drain has ended. It takes bridge.flags.drainDeadline (%d) and drainLinger (%d)%s and 5 s: write %d or more, or a shorter drainDeadline" $grace $deadline $linger $hook $needed) -}}
{{- end -}}
{{- if ge (int (add $delay $spread)) $deadline -}}
{{- fail (printf "bridge.flags.drainDeadline is %d: turns would be cut before idle clients are closed. Write more than drainDelay (%d) and drainSpread (%d) together" $deadline $delay $spread) -}}
{{- end -}}
{{- end -}}

{{- define "turnbridge.validate.autoscaling" -}}
{{- $scaling := .Values.bridge.autoscaling -}}
{{- if ne $scaling.type "None" -}}
{{- $cpu := ne (default "" $scaling.targetCPUUtilizationPercentage | toString) "" -}}
{{- $turns := ne (default "" $scaling.targetTurnsInFlight | toString) "" -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "bridge.autoscaling.minReplicas is %d and maxReplicas %d: write a minReplicas that is not larger" (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and (eq $scaling.type "HPA") (not (or $cpu $turns $scaling.extraMetrics)) -}}
{{- fail "bridge.autoscaling.type is HPA and there is nothing to scale by: write targetCPUUtilizationPercentage, targetTurnsInFlight or extraMetrics" -}}
{{- end -}}
{{- if and (eq $scaling.type "HPA") $cpu (not (dig "requests" "cpu" "" (default (dict) .Values.bridge.resources))) -}}
{{- fail "bridge.autoscaling.targetCPUUtilizationPercentage is a share of bridge.resources.requests.cpu, which is missing: write the request, or targetCPUUtilizationPercentage: '' and another metric" -}}
{{- end -}}
{{- if and (eq $scaling.type "KEDA") (not (or $turns $scaling.extraMetrics)) -}}
{{- fail "bridge.autoscaling.type is KEDA and there is nothing to scale by: write targetTurnsInFlight and prometheusAddress, or extraMetrics" -}}
{{- end -}}
{{- if and (eq $scaling.type "KEDA") $turns (not $scaling.prometheusAddress) -}}
{{- fail "bridge.autoscaling.type is KEDA, and prometheusAddress does not say which Prometheus knows the turns: write it, such as http://prometheus.monitoring:9090" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Of a Deployment more would do, but a Service has the same name. */}}
{{- define "turnbridge.validate.names" -}}
{{- $name := include "turnbridge.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "fullnameOverride: objects would be called %s, and the name of a Service begins with a letter and has small letters, digits and hyphens only. Write such a fullnameOverride, or choose another name for the release" $name) -}}
{{- end -}}
{{- end -}}

{{- define "turnbridge.validate.bridge" -}}
{{- $bridge := .Values.bridge -}}
{{- if and $bridge.tls.enabled (not $bridge.tls.existingSecret) -}}
{{- fail "bridge.tls.enabled is true and bridge.tls.existingSecret is empty: write the name of a Secret of type kubernetes.io/tls in this namespace" -}}
{{- end -}}
{{- if eq (int $bridge.containerPorts.http) (int $bridge.containerPorts.ops) -}}
{{- fail (printf "bridge.containerPorts: http and ops are both %d: write two ports" (int $bridge.containerPorts.http)) -}}
{{- end -}}
{{- if and $bridge.service.nodePort (eq $bridge.service.type "ClusterIP") -}}
{{- fail "bridge.service.nodePort counts for the types NodePort and LoadBalancer, and bridge.service.type is ClusterIP: write the type, or leave nodePort out" -}}
{{- end -}}
{{- range $field := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if and (index $bridge.service $field) (ne $bridge.service.type "LoadBalancer") -}}
{{- fail (printf "bridge.service.%s counts for the type LoadBalancer, and bridge.service.type is %s: write the type, or leave it out" $field $bridge.service.type) -}}
{{- end -}}
{{- end -}}
{{- if and $bridge.service.externalTrafficPolicy (eq $bridge.service.type "ClusterIP") -}}
{{- fail "bridge.service.externalTrafficPolicy counts for the types NodePort and LoadBalancer, and bridge.service.type is ClusterIP: write the type, or leave it out" -}}
{{- end -}}
{{- if and (eq $bridge.strategy.type "RollingUpdate") (has (toString (dig "maxUnavailable" "" (default (dict) $bridge.strategy.rollingUpdate))) (list "0" "0%")) (has (toString (dig "maxSurge" "" (default (dict) $bridge.strategy.rollingUpdate))) (list "0" "0%")) -}}
{{- fail "bridge.strategy.rollingUpdate: maxUnavailable and maxSurge are both 0, and no pod could ever be replaced: write one of them" -}}
{{- end -}}
{{- end -}}

{{- define "turnbridge.validate.operator" -}}
{{- $operator := .Values.operator -}}
{{- if and (not $operator.enabled) (not .Values.bridge.snapshotSecret) -}}
{{- fail "operator.enabled is false, and bridge.snapshotSecret does not say where routes come from: write the name of the Secret that another release's operator writes in this namespace (RELEASE-snapshot), or enable the operator" -}}
{{- end -}}
{{- range $field := list "watchNamespaces" -}}
{{- if and (not $operator.enabled) (index $operator $field) -}}
{{- fail (printf "operator.%s is written and operator.enabled is false: leave it out, or enable the operator" $field) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $operator.strategy.type "RollingUpdate") (has (toString (dig "maxUnavailable" "" (default (dict) $operator.strategy.rollingUpdate))) (list "0" "0%")) (has (toString (dig "maxSurge" "" (default (dict) $operator.strategy.rollingUpdate))) (list "0" "0%")) -}}
{{- fail "operator.strategy.rollingUpdate: maxUnavailable and maxSurge are both 0, and no pod could ever be replaced: write one of them" -}}
{{- end -}}
{{- end -}}

{{/* Accounts: without create, somebody has to say which one. */}}
{{- define "turnbridge.validate.accounts" -}}
{{- range $component := list "bridge" "operator" -}}
{{- $account := (index $.Values $component).serviceAccount -}}
{{- if and (not $account.create) (not $account.name) (or (eq $component "bridge") $.Values.operator.enabled) -}}
{{- fail (printf "%s.serviceAccount.create is false and %s.serviceAccount.name is empty: the rights of the %s would go to everybody's account, default. Write the name of an account of its own" $component $component $component) -}}
{{- end -}}
{{- end -}}
{{- if .Values.operator.enabled -}}
{{- $names := list (include "turnbridge.serviceAccountName" (dict "root" . "component" "bridge")) (include "turnbridge.serviceAccountName" (dict "root" . "component" "operator")) -}}
{{- if eq (first $names) (last $names) -}}
{{- fail (printf "bridge.serviceAccount.name and operator.serviceAccount.name are both %s: the bridge, which strangers speak with, would have the operator's rights. Write two names" (first $names)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
