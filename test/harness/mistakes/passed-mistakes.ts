import { ANONYMOUS, REFUSED, refusedWith, withProvider, withSpec } from './mistake-row.ts';
import type { Fields, MistakeRow } from './mistake-row.ts';

/** `headerPassthrough`, `relay` and `failover`. */
export const PASSED_MISTAKES: readonly MistakeRow[] = [
  passed(
    'a header of the connection let through to providers',
    { request: { allow: ['connection'] } },
    'connection belongs to one connection and is never passed; remove it',
  ),
  passed(
    'a header that says whose key is spent',
    { request: { allow: ['authorization'] } },
    'authorization says whose key is spent: it goes to providers with auth Passthrough by itself and to no other; remove it',
  ),
  passed(
    'a header of the connection let through to clients',
    { response: { allow: ['transfer-encoding'] } },
    'transfer-encoding belongs to one connection and is never passed; remove it',
  ),
  passed(
    'a header that is kept from clients',
    { response: { allow: ['openai-model'] } },
    'openai-model never goes to clients; remove it',
  ),
  {
    ...passed(
      'a header let through twice',
      { request: { allow: ['x-a', 'x-a'] } },
      '"x-a" is written twice; remove one',
    ),
    cluster: refusedWith('spec.headerPassthrough.request.allow[1]: Duplicate value: "x-a"'),
  },
  {
    mistake: 'a relayed path with a slash at its end or a wildcard within',
    spec: withSpec({ relay: { paths: ['/files/'] } }),
    check: 'paths[0] must be a path such as /files, or /files/* for everything below it',
    cluster: refusedWith('must be a path such as /files, or /files/* for everything below it'),
  },
  {
    mistake: 'the path of turns as a relayed one',
    spec: withSpec({ relay: { paths: ['/responses'] } }),
    check: '/responses is served by the bridge itself; remove it',
    cluster: REFUSED,
  },
  {
    mistake: 'a relayed path written twice',
    spec: withSpec({ relay: { paths: ['/models', '/models'] } }),
    check: '"/models" is written twice; remove one',
    cluster: REFUSED,
  },
  {
    mistake: 'a relayed path beyond the default ones with a key that clients share',
    spec: withProvider({ auth: { type: 'None' } }, { ...ANONYMOUS, relay: { paths: ['/models', '/files'] } }),
    check:
      'all clients reach provider a as one, so through /files one client could read what another stored: give it auth Passthrough, or set relay.sharedKey to Allowed if that is meant',
    cluster: REFUSED,
  },
  {
    mistake: 'a relayed path of WebSockets with a slash at its end or a wildcard within',
    spec: withSpec({ relay: { webSocketPaths: ['/audio/*/in'] } }),
    check: 'webSocketPaths[0] must be a path such as /files, or /files/* for everything below it',
    cluster: refusedWith('must be a path such as /files, or /files/* for everything below it'),
  },
  {
    mistake: 'the path of turns as a relayed one of WebSockets',
    spec: withSpec({ relay: { webSocketPaths: ['/realtime', '/responses'] } }),
    check: '/responses is served by the bridge itself; remove it',
    cluster: REFUSED,
  },
  {
    mistake: 'a relayed path of WebSockets written twice',
    spec: withSpec({ relay: { webSocketPaths: ['/realtime', '/realtime'] } }),
    check: '"/realtime" is written twice; remove one',
    cluster: REFUSED,
  },
  {
    mistake: 'WebSockets beyond the default ones with a key that clients share',
    spec: withProvider(
      { auth: { type: 'None' } },
      { ...ANONYMOUS, relay: { webSocketPaths: ['/realtime', '/rooms/*'] } },
    ),
    check:
      'all clients reach provider a as one, so through /rooms/* one client could read what another stored: give it auth Passthrough, or set relay.sharedKey to Allowed if that is meant',
    cluster: REFUSED,
  },
  {
    mistake: 'a cause of failover written twice',
    spec: withSpec({ failover: { causes: ['Timeout', 'Timeout', 'RateLimited', 'ServerError'] } }),
    check: '"Timeout" is written twice; remove one',
    cluster: REFUSED,
  },
];

function passed(mistake: string, headerPassthrough: Fields, check: string): MistakeRow {
  return { mistake, spec: withSpec({ headerPassthrough }), check, cluster: REFUSED };
}
