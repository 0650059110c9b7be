import { expect, test } from '@jest/globals';
import {
  isCredentialHeader,
  isHiddenFromClients,
  isKeyHeader,
  isNeverPassed,
  isPassedToClients,
  isPassedToProviders,
  isRelayedToClients,
  isReservedHeader,
  isWrittenByBridge,
  looksLikeCredential,
} from '../../../src/route/header-names.ts';

const TESTS = {
  isReservedHeader,
  isWrittenByBridge,
  isNeverPassed,
  isKeyHeader,
  isCredentialHeader,
  isPassedToProviders,
  isPassedToClients,
  isRelayedToClients,
  isHiddenFromClients,
};
type TestName = keyof typeof TESTS;

const OF_CONNECTION: readonly TestName[] = ['isReservedHeader', 'isNeverPassed'];
const OF_BRIDGE: readonly TestName[] = ['isWrittenByBridge', 'isNeverPassed'];
const OF_CREDENTIAL: readonly TestName[] = ['isCredentialHeader', 'isPassedToProviders'];
const OF_CLIENT: readonly TestName[] = ['isPassedToProviders'];
const OF_PROVIDER: readonly TestName[] = ['isPassedToClients', 'isRelayedToClients'];

test.each<[string, readonly TestName[]]>([
  ['connection', OF_CONNECTION],
  ['te', OF_CONNECTION],
  ['http2-settings', OF_CONNECTION],
  ['proxy-authorization', OF_CONNECTION],
  ['sec-websocket-protocol', OF_CONNECTION],
  ['x-turnbridge-hops', OF_CONNECTION],
  [':path', OF_CONNECTION],
  ['accept', OF_BRIDGE],
  ['host', OF_BRIDGE],
  ['content-length', OF_BRIDGE],
  ['content-type', [...OF_BRIDGE, 'isRelayedToClients']],
  ['authorization', ['isKeyHeader', ...OF_CREDENTIAL]],
  ['x-api-key', ['isKeyHeader', ...OF_CREDENTIAL]],
  ['chatgpt-account-id', OF_CREDENTIAL],
  ['openai-organization', OF_CREDENTIAL],
  ['user-agent', OF_CLIENT],
  ['traceparent', OF_CLIENT],
  ['x-stainless-os', OF_CLIENT],
  ['x-codex-turn-metadata', [...OF_CLIENT, ...OF_PROVIDER]],
  ['x-request-id', OF_PROVIDER],
  ['x-ratelimit-remaining-tokens', OF_PROVIDER],
  ['etag', ['isRelayedToClients']],
  ['openai-model', ['isHiddenFromClients']],
  ['cookie', []],
  ['x-codex', []],
  ['x-team', []],
  ['authorization2', []],
])('%s: %j', (name, yes) => {
  const answers = Object.entries(TESTS).filter(([, answersYes]) => answersYes(name));
  expect(answers.map(([test]) => test).toSorted()).toEqual(yes.toSorted());
});

test.each([
  'key',
  'token',
  'api_key',
  'apikey',
  'x-goog-api-key',
  'Ocp-Apim-Subscription-Key',
  'x-amz-security-token',
  'x-client-secret',
  'x-password',
  'sig',
  'cookie',
])('%s looks like a credential', (name) => {
  expect(looksLikeCredential(name)).toBe(true);
});

test.each(['x-team', 'api-version', 'idempotency-key', 'prompt-cache-key', 'monkey', 'max-tokens', 'design'])(
  '%s does not look like a credential',
  (name) => {
    expect(looksLikeCredential(name)).toBe(false);
  },
);
