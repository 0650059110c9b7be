/**
 * What controllers that are nginx inside write into a `location`: of annotations and policies those that decide over
 * long connections and large messages. Taken from their own templates, which each function names; the rest of those
 * (access logs, buffers, TLS) is left out.
 */

/** Directives without their semicolon. */
export type NginxLocation = readonly string[];

export type Annotations = Readonly<Record<string, string>>;

/** What the controller's ConfigMap says for all Ingresses, unless an annotation says otherwise. */
export interface NginxDefaults {
  /** Of `proxy_read_timeout` and `proxy_send_timeout`; 60 s in every one of these products. */
  readonly timeoutSeconds: number;
}

/** As nginx ships, for `client_max_body_size`. Each of these products leaves it. */
const bodySize = '1m';

/**
 * F5 NGINX Ingress Controller, of an Ingress: `internal/configs/version1/nginx.ingress.tmpl` and `annotations.go` of
 * nginx/kubernetes-ingress. Only for a Service named in `websocket-services` is an upgrade passed on.
 */
export function f5Location(
  of: Annotations,
  service: string,
  { timeoutSeconds }: NginxDefaults,
): NginxLocation {
  const value = (name: string, otherwise: string): string => of[`nginx.org/${name}`] ?? otherwise;
  const webSocketServices = value('websocket-services', '').split(',');
  const timeout = `${String(timeoutSeconds)}s`;
  return [
    'proxy_http_version 1.1',
    ...(webSocketServices.includes(service) ? upgradeHeaders : []),
    `proxy_connect_timeout ${value('proxy-connect-timeout', '60s')}`,
    `proxy_read_timeout ${value('proxy-read-timeout', timeout)}`,
    `proxy_send_timeout ${value('proxy-send-timeout', timeout)}`,
    `client_max_body_size ${value('client-max-body-size', bodySize)}`,
    'proxy_set_header Host $host',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for',
    `proxy_buffering ${value('proxy-buffering', 'True').toLowerCase() === 'true' ? 'on' : 'off'}`,
  ];
}

/**
 * The retired ingress-nginx: `rootfs/etc/nginx/template/nginx.tmpl` of kubernetes/ingress-nginx. Its annotations are
 * numbers of seconds, and it passes every upgrade on.
 */
export function retiredLocation(of: Annotations, { timeoutSeconds }: NginxDefaults): NginxLocation {
  const value = (name: string, otherwise: string): string =>
    of[`nginx.ingress.kubernetes.io/${name}`] ?? otherwise;
  return [
    `client_max_body_size ${value('proxy-body-size', bodySize)}`,
    'proxy_set_header Host $http_host',
    ...upgradeHeaders,
    'proxy_set_header X-Forwarded-For $remote_addr',
    `proxy_connect_timeout ${value('proxy-connect-timeout', '5')}s`,
    `proxy_send_timeout ${value('proxy-send-timeout', String(timeoutSeconds))}s`,
    `proxy_read_timeout ${value('proxy-read-timeout', String(timeoutSeconds))}s`,
    `proxy_buffering ${value('proxy-buffering', 'off')}`,
    `proxy_request_buffering ${value('proxy-request-buffering', 'on')}`,
    'proxy_http_version 1.1',
  ];
}

/** `spec` of each, as far as it matters here. */
export interface FabricPolicies {
  readonly proxy?: {
    readonly timeout?: { readonly read?: string; readonly send?: string };
    readonly buffering?: { readonly disable?: boolean };
  };
  readonly client?: { readonly body?: { readonly maxSize?: string } };
}

/**
 * NGINX Gateway Fabric: ProxySettingsPolicy and ClientSettingsPolicy of `apis/v1alpha1` in nginx/nginx-gateway-fabric.
 * Upgrades are passed on.
 */
export function fabricLocation({ proxy, client }: FabricPolicies, defaults: NginxDefaults): NginxLocation {
  const otherwise = `${String(defaults.timeoutSeconds)}s`;
  return [
    'proxy_http_version 1.1',
    'proxy_set_header Host $host',
    ...upgradeHeaders,
    `proxy_read_timeout ${proxy?.timeout?.read ?? otherwise}`,
    `proxy_send_timeout ${proxy?.timeout?.send ?? otherwise}`,
    `proxy_buffering ${proxy?.buffering?.disable === true ? 'off' : 'on'}`,
    `client_max_body_size ${client?.body?.maxSize ?? bodySize}`,
  ];
}

const upgradeHeaders: NginxLocation = [
  'proxy_set_header Upgrade $http_upgrade',
  'proxy_set_header Connection $connection_upgrade',
];
