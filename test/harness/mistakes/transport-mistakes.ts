import { REFUSED, provider, refusedWith, withProvider } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

/** `transport`, `capabilities` and `health` of providers. */
export const TRANSPORT_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'a url of a WebSocket, and transport HTTP',
    spec: withProvider({ url: 'wss://a.example.com/v1', transport: 'HTTP' }),
    check:
      'url begins with wss://, which means transport WebSocket, and transport is HTTP; write https:// in url, or remove transport',
    cluster: REFUSED,
  },
  {
    mistake: 'a capability written twice',
    spec: withProvider({ capabilities: ['Lanes', 'Steer', 'Steer'] }),
    check: '"Steer" is written twice; remove one',
    cluster: refusedWith('spec.providers[0].capabilities[2]: Duplicate value: "Steer"'),
  },
  {
    mistake: 'lanes on one socket, and events that the bridge repairs',
    spec: withProvider({ transport: 'WebSocket', dialect: 'Compatible', capabilities: ['Lanes', 'Steer'] }),
    check:
      'Lanes needs events that name their lane, and with dialect Compatible the bridge writes some itself, which name none; remove Lanes, and each lane has a socket of its own',
    cluster: REFUSED,
  },
  {
    mistake: 'a first rest that is longer than the longest',
    spec: { providers: [provider(), provider({ name: 'b', priority: 1, health: { ejectionSeconds: 600 } })] },
    check:
      'the first rest, ejectionSeconds, is longer than the longest, maxEjectionSeconds (300 when left out); write a maxEjectionSeconds that is as long, or a shorter first rest',
    cluster: REFUSED,
  },
];
