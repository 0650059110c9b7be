import { expect, test } from '@jest/globals';
import { toProviderRequestHeaders } from '../../../src/provider/request-headers.ts';
import {
  isCredentialHeader,
  isPassedToProviders,
  isReservedHeader,
  isWrittenByBridge,
} from '../../../src/route/header-names.ts';
import { compileText } from './compile-text.ts';

const NAMES = [
  'accept',
  'api-key',
  'authorization',
  'chatgpt-account-id',
  'connection',
  'content-encoding',
  'content-length',
  'cookie',
  'expect',
  'host',
  'http2-settings',
  'idempotency-key',
  'openai-beta',
  'openai-organization',
  'openai-project',
  'originator',
  'sec-websocket-protocol',
  'session_id',
  'te',
  'traceparent',
  'user-agent',
  'x-api-key',
  'x-codex-turn-metadata',
  'x-stainless-os',
  'x-team',
  'x-turnbridge-hops',
];

/** The names that the header policy of the transport lets through, `allow` beside the safe ones. */
function passed(auth: 'None' | 'Passthrough', allow: readonly string[]): ReadonlySet<string> {
  const { snapshot } = compileText(`
spec:
  clients: { auth: { type: ${auth} } }
  providers: [{ name: a, url: 'https://a.example.com/v1', auth: { type: ${auth} } }]
`);
  const [route] = snapshot?.routes ?? [];
  const [provider] = route?.providers ?? [];
  if (route === undefined || provider === undefined) throw new Error('no route');
  const allowing = {
    ...route,
    headerPassthrough: {
      ...route.headerPassthrough,
      request: { allow: new Set(allow), deny: new Set<string>() },
    },
  };
  const clientHeaders = NAMES.map((name) => ({ name, value: 'from-client' }));
  const headers = toProviderRequestHeaders({ clientHeaders, route: allowing, provider, via: 'v' });
  return new Set(
    NAMES.filter((name) => headers.some((header) => header.name === name && header.value === 'from-client')),
  );
}

test('what the rules call passed is what the transport passes to some provider', () => {
  const reallyPassed = passed('Passthrough', []);
  expect(NAMES.filter(isPassedToProviders)).toEqual(NAMES.filter((name) => reallyPassed.has(name)));
});

test('what the rules refuse to allow would not pass if it were allowed, and everything else would', () => {
  const reallyPassed = passed('None', NAMES);
  const refused = (name: string) =>
    isReservedHeader(name) || isWrittenByBridge(name) || isCredentialHeader(name);
  expect(NAMES.filter((name) => !refused(name))).toEqual(NAMES.filter((name) => reallyPassed.has(name)));
});
