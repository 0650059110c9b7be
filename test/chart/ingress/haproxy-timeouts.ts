/**
 * What the two controllers that drive HAProxy write for long connections. They are not to be had as programs or
 * modules; this is the part of their translation that decides here.
 */
import type { Annotations } from './nginx-location.ts';

/** `timeout NAME`, of a backend. */
export type BackendTimeouts = Readonly<Record<string, string>>;

/**
 * What both write into `defaults` unless their ConfigMap says otherwise (`timeout-client`, `timeout-server`: 50 s,
 * `timeout-tunnel`: 1 h): `documentation/annotations.md` of haproxytech/kubernetes-ingress, `docs/…/keys.md` of
 * jcmoraisjr/haproxy-ingress. A tunnel is what an upgraded connection becomes.
 */
export function controllerDefaults(seconds: {
  readonly idle: number;
  readonly tunnel: number;
}): BackendTimeouts {
  const idle = `${String(seconds.idle)}s`;
  return { connect: '5s', client: idle, server: idle, tunnel: `${String(seconds.tunnel)}s` };
}

/**
 * Of HAProxy Technologies, from an Ingress: `timeout-server` sets one, `timeout-tunnel` is read from the ConfigMap
 * only, and lines of `backend-config-snippet` are copied into the backend.
 * @throws Error when the snippet has other lines than timeouts.
 */
export function technologiesTimeouts(of: Annotations): BackendTimeouts {
  const snippet = (of['haproxy.org/backend-config-snippet'] ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const lines = snippet.map((line) => {
    const match = /^\s*timeout (\S+) (\S+)\s*$/.exec(line);
    if (match === null)
      throw new Error(`"${line}" in the snippet is no timeout: teach the test what it does`);
    return [match[1], match[2]];
  });
  const server = of['haproxy.org/timeout-server'];
  return { ...(server !== undefined && { server }), ...(Object.fromEntries(lines) as BackendTimeouts) };
}

/**
 * Of the community (jcmoraisjr), from an Ingress: any `timeout-NAME` of `rootfs/etc/templates/haproxy/haproxy.tmpl`
 * is one of the backend's.
 */
export function communityTimeouts(of: Annotations): BackendTimeouts {
  const prefix = 'haproxy-ingress.github.io/timeout-';
  const timeouts = Object.entries(of).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(timeouts.map(([name, value]) => [name.slice(prefix.length), value]));
}
