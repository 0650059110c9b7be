import { accepted, olderRoute, withSpec } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

const HOST = { hostnames: ['shared.example.com'] };

/** What two routes cannot both have. */
export const OTHER_ROUTE_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'a host of another namespace',
    spec: withSpec(HOST),
    beside: [olderRoute('older', withSpec(HOST), 'elsewhere')],
    check:
      'host shared.example.com belongs to namespace elsewhere through its older route elsewhere/older; write another host, or move this route there',
    cluster: accepted('HostnameNotAllowed'),
  },
  {
    mistake: 'any host, where another namespace has it',
    spec: withSpec({}),
    beside: [olderRoute('older', withSpec({}), 'elsewhere')],
    check:
      'any host (no hostnames) belongs to namespace elsewhere through its older route elsewhere/older; write another host, or move this route there',
    cluster: accepted('HostnameNotAllowed'),
  },
  ...(['clients', 'limits'] as const).map((section) => ({
    mistake: `other ${section} than an older route of the same host and path`,
    spec: withSpec({
      ...HOST,
      ...(section === 'clients' ? { clients: { webSocket: 'Disabled' } } : { limits: { maxLanes: 1 } }),
    }),
    beside: [olderRoute('older', withSpec(HOST))],
    check: `routes that share host shared.example.com and path /v1 must have the same ${section}, and those of the older route NAMESPACE/older differ; write the same, or another host or path`,
    cluster: accepted('Conflicted'),
  })),
  {
    mistake: 'two routes of one name',
    spec: withSpec(HOST),
    beside: [olderRoute('route', withSpec({ hostnames: ['other.example.com'] }))],
    check: 'route NAMESPACE/route is written twice; write another name, or remove one of the two',
    cluster: { by: 'nobody', because: 'the second one changes the first' },
  },
];
