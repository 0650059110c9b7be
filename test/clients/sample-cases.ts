/** What a turn of the real Codex through each sample looks like from its provider. */
import type { CodexHomeOptions } from './codex-home.ts';
import { keyOf } from './sample-routes.ts';

/** What a provider is asked. */
export interface Asked {
  /** With the query. */
  readonly path: string;
  readonly model: string;
  /** null: it is not there. */
  readonly headers: Readonly<Record<string, string | null>>;
  /** How the turn reaches it; all stand-ins have a WebSocket. Left out: by that. */
  readonly over?: 'http';
}

export interface SampleCase {
  /** In manifests/samples. */
  readonly file: string;
  /** What this client of the sample is configured with. */
  readonly home: Omit<CodexHomeOptions, 'baseUrl'>;
  readonly asked: Asked;
  /** Where two providers share the turns: what the other one is asked. */
  readonly orAsked?: Asked;
  /** How the client's requests reach the bridge. Left out: over a WebSocket. */
  readonly transport?: 'http';
}

const alice = { apiKey: keyOf('TURNBRIDGE_KEY_ALICE') };
const bearer = (variable: string) => ({ authorization: `Bearer ${keyOf(variable)}` });
const ownKey = { apiKey: 'a-key-of-my-own' };
const passed = { authorization: 'Bearer a-key-of-my-own' };
const noKey = { authorization: null };

/** One for each way through a sample; at least one for each sample. */
export const sampleCases: readonly SampleCase[] = [
  {
    file: 'azure.yaml',
    home: { ...alice, model: 'gpt-5.5' },
    asked: {
      path: '/openai/v1/responses?api-version=preview',
      model: 'my-deployment',
      headers: { 'api-key': keyOf('AZURE_OPENAI_API_KEY'), authorization: null },
    },
  },
  {
    file: 'browser.yaml',
    home: {
      apiKey: keyOf('TURNBRIDGE_KEY_PAGE'),
      queryParams: { app_version: '7', other: 'stays here' },
    },
    asked: { path: '/v1/responses?app_version=7', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'chatgpt-login.yaml',
    home: { ...ownKey, httpHeaders: { 'chatgpt-account-id': 'account-1' } },
    asked: {
      path: '/backend-api/codex/responses',
      model: 'gpt-5.5',
      headers: { ...passed, 'chatgpt-account-id': 'account-1' },
    },
  },
  {
    file: 'defaults.yaml',
    home: ownKey,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: passed },
  },
  {
    file: 'failover.yaml',
    home: alice,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
    orAsked: {
      path: '/openai/v1/responses',
      model: 'team-gpt-5.5',
      headers: bearer('AZURE_OPENAI_API_KEY'),
    },
  },
  {
    file: 'http-only.yaml',
    home: ownKey,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: passed },
    transport: 'http',
  },
  {
    file: 'llama-cpp.yaml',
    home: alice,
    asked: { path: '/v1/responses', model: 'local', headers: bearer('LLAMA_API_KEY'), over: 'http' },
  },
  {
    file: 'ollama.yaml',
    home: { model: 'gpt-oss:20b' },
    asked: { path: '/v1/responses', model: 'gpt-oss:20b', headers: noKey, over: 'http' },
  },
  {
    file: 'openai-websocket.yaml',
    home: alice,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'openai.yaml',
    home: { apiKey: keyOf('TURNBRIDGE_KEY_CI') },
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'openrouter.yaml',
    home: alice,
    asked: {
      path: '/api/v1/responses',
      model: 'openai/gpt-5.5',
      headers: {
        ...bearer('OPENROUTER_API_KEY'),
        'http-referer': 'https://example.com',
        'x-title': 'My coding agents',
      },
      over: 'http',
    },
  },
  {
    file: 'passthrough.yaml',
    home: ownKey,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: passed },
  },
  {
    file: 'private-gateway.yaml',
    home: { ...alice, httpHeaders: { 'x-team': 'research', 'x-oai-attestation': 'not for gateways' } },
    asked: {
      path: '/v1/responses',
      model: 'gpt-5.5',
      headers: {
        'x-gateway-key': keyOf('GATEWAY_KEY'),
        authorization: null,
        'x-team': 'research',
        'x-application': 'turnbridge',
        'x-tag': 'coding',
        'x-oai-attestation': null,
        'x-codex-turn-metadata': null,
      },
      over: 'http',
    },
  },
  {
    file: 'realtime.yaml',
    home: alice,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'scripted.yaml',
    home: {},
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: noKey },
  },
  {
    file: 'several-providers.yaml',
    home: alice,
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'several-providers.yaml',
    home: { ...alice, model: 'coder' },
    asked: {
      path: '/v1/responses',
      model: 'Qwen/Qwen3-Coder-30B-A3B-Instruct',
      headers: noKey,
      over: 'http',
    },
  },
  {
    file: 'sidecar.yaml',
    home: { model: 'qwen3-coder' },
    asked: { path: '/v1/responses', model: 'qwen3-coder', headers: noKey, over: 'http' },
  },
  {
    file: 'stored-responses.yaml',
    home: { apiKey: keyOf('TURNBRIDGE_KEY_APP') },
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'teams.yaml',
    home: { ...alice, httpHeaders: { 'x-team': 'sre-night' } },
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY_PLATFORM') },
  },
  {
    file: 'teams.yaml',
    home: { ...alice, httpHeaders: { 'x-team': 'research' } },
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY_RESEARCH') },
  },
  {
    file: 'teams.yaml',
    home: { apiKey: keyOf('TURNBRIDGE_KEY_BOB'), httpHeaders: { 'x-team': 'another' } },
    asked: { path: '/v1/responses', model: 'gpt-5.5', headers: bearer('OPENAI_API_KEY') },
  },
  {
    file: 'vllm.yaml',
    home: {},
    asked: { path: '/v1/responses', model: 'qwen3-coder', headers: noKey, over: 'http' },
  },
  {
    file: 'xai.yaml',
    home: { ...alice, model: 'grok-4' },
    asked: { path: '/v1/responses', model: 'grok-4', headers: bearer('XAI_API_KEY') },
  },
];

/** `azure.yaml: a turn of Codex reaches the provider by WebSocket as my-deployment, with api-key, without authorization` */
export function titleOf({ file, asked, home }: SampleCase): string {
  const team = home.httpHeaders?.['x-team'];
  const headers = Object.entries(asked.headers).map(([name, value]) =>
    value === null ? `without ${name}` : `with ${name}`,
  );
  const who = team === undefined ? 'Codex' : `Codex for ${team}`;
  const way = asked.over === 'http' ? 'over HTTP' : 'by WebSocket';
  return `${file}: a turn of ${who} reaches the provider ${way} as ${asked.model}, ${headers.join(', ')}`;
}
