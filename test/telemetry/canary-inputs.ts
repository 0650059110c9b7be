/** Every place where a client or a provider can put a text, with a canary in it. */
import type { AnswerLike } from '../../src/scripted/script.ts';
import { said, type JsonObject } from '../protocol/scene.ts';
import type { Canaries } from './canaries.ts';

const HEADERS = [
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'proxy-authorization',
  'referer',
  'accept-language',
  'openai-organization',
  'openai-project',
  'chatgpt-account-id',
  'originator',
  'session-id',
  'thread-id',
  'x-client-request-id',
  'x-request-id',
  'x-codex-window-id',
  'x-codex-installation-id',
  'x-codex-parent-thread-id',
  'x-codex-beta-features',
  'x-openai-subagent',
  'x-oai-attestation',
  'x-forwarded-for',
  'x-forwarded-host',
  'forwarded',
  'x-real-ip',
  'x-team',
  'x-nobody-knows',
  'x-turnbridge-via',
] as const;

/** A trace context as the standard has it. */
const VALID_TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Headers of a handshake or a request. `trace`: whether its trace context is one. */
export function clientHeaders(canaries: Canaries, trace: 'valid' | 'broken'): Record<string, string> {
  const at = (name: string): string => canaries.in(`client header ${name}`);
  return {
    ...Object.fromEntries(HEADERS.map((name) => [name, at(name)])),
    authorization: `Bearer ${at('authorization')}`,
    cookie: `session=${at('cookie')}`,
    'user-agent': `codex_exec/0.169.0 (${at('user-agent, tail')}; x86_64)`,
    'openai-beta': `responses_websockets=2026-02-06, ${at('openai-beta')}`,
    traceparent: trace === 'valid' ? VALID_TRACEPARENT : at('traceparent'),
    tracestate: `vendor=${at('tracestate')}`,
    baggage: `userId=${at('baggage')}`,
    'x-codex-turn-metadata': turnMetadata(canaries, 'client header x-codex-turn-metadata'),
  };
}

/** What Codex tells of a turn: where it runs and on whose code. */
function turnMetadata(canaries: Canaries, place: string): string {
  const at = (name: string): string => canaries.in(`${place}, ${name}`);
  return JSON.stringify({
    installation_id: at('installation_id'),
    session_id: at('session_id'),
    thread_id: at('thread_id'),
    turn_id: at('turn_id'),
    window_id: at('window_id'),
    request_kind: 'turn',
    subagent_kind: at('subagent_kind'),
    thread_source: at('thread_source'),
    sandbox: at('sandbox'),
    workspaces: {
      [`/home/${at('path')}/work`]: {
        associated_remote_urls: { origin: `https://git.example/${at('git remote')}.git` },
        latest_git_commit_hash: at('commit'),
      },
    },
  });
}

/** The members of a `response.create` that any turn may have. */
export function createFields(canaries: Canaries): JsonObject {
  const at = (name: string): string => canaries.in(`request ${name}`);
  return {
    instructions: at('instructions'),
    input: [
      said(at('input text')),
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_image', image_url: `https://a/b?t=${at('image url')}` }],
      },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_file', filename: at('file name'), file_data: at('file data') }],
      },
      { type: 'reasoning', summary: [], encrypted_content: at('encrypted_content') },
      {
        type: 'function_call',
        call_id: at('call id'),
        name: at('function name'),
        arguments: JSON.stringify({ key: at('arguments') }),
      },
      { type: 'function_call_output', call_id: at('call id'), output: at('tool output') },
    ],
    tools: [
      {
        type: 'mcp',
        server_label: at('mcp label'),
        server_url: `https://mcp.example/?token=${at('mcp url')}`,
        authorization: at('mcp authorization'),
        headers: { authorization: `Bearer ${at('mcp header')}` },
      },
      {
        type: 'function',
        name: at('tool name'),
        description: at('tool description'),
        parameters: { title: at('tool schema') },
      },
    ],
    tool_choice: { type: 'function', name: at('tool_choice') },
    metadata: { [at('metadata key')]: at('metadata value') },
    prompt: { id: at('prompt id'), variables: { name: at('prompt variable') } },
    prompt_cache_key: at('prompt_cache_key'),
    user: at('user'),
    safety_identifier: at('safety_identifier'),
    service_tier: at('service_tier'),
    reasoning: { effort: at('reasoning.effort'), summary: at('reasoning.summary') },
    text: {
      format: {
        type: 'json_schema',
        name: at('text.format name'),
        schema: { title: at('text.format schema') },
      },
      verbosity: at('verbosity'),
    },
    include: [at('include')],
    truncation: at('truncation'),
    max_output_tokens: at('max_output_tokens'),
    temperature: at('temperature'),
    [at('unknown member')]: at('unknown value'),
    client_metadata: clientMetadata(canaries),
  };
}

const METADATA = [
  'session_id',
  'thread_id',
  'turn_id',
  'user_id',
  'x-codex-window-id',
  'x-codex-installation-id',
  'x-codex-parent-thread-id',
  'x-codex-turn-state',
  'x-openai-subagent',
  'ws_request_header_authorization',
  'ws_request_header_x_anything',
  'ws_request_header_tracestate_2',
] as const;

function clientMetadata(canaries: Canaries): JsonObject {
  const at = (name: string): string => canaries.in(`client_metadata ${name}`);
  return {
    ...Object.fromEntries(METADATA.map((name) => [name, at(name)])),
    [at('key')]: at('value'),
    ws_request_header_traceparent: VALID_TRACEPARENT,
    ws_request_header_tracestate: `vendor=${at('ws_request_header_tracestate')}`,
    ws_request_header_baggage: `userId=${at('ws_request_header_baggage')}`,
    'x-codex-turn-metadata': turnMetadata(canaries, 'client_metadata x-codex-turn-metadata'),
  };
}

/** What a provider answers, by the end of the model that it is asked for. */
export function providerAnswers(canaries: Canaries): Readonly<Record<string, AnswerLike>> {
  const at = (name: string): string => canaries.in(`provider ${name}`);
  const error = {
    message: at('error message'),
    type: at('error type'),
    code: at('error code'),
    param: at('error param'),
    detail: at('error detail'),
  };
  const headers = {
    'x-request-id': at('x-request-id'),
    'set-cookie': `a=${at('set-cookie')}`,
    server: at('server'),
    'openai-organization': at('openai-organization'),
    'openai-model': at('openai-model'),
    'x-codex-turn-state': at('x-codex-turn-state'),
    'x-codex-primary-used-percent': at('x-codex header'),
    'x-ratelimit-remaining-requests': at('x-ratelimit'),
    'x-unknown': at('unknown header'),
  };
  const refused = (code: number, more: Readonly<Record<string, string>> = {}): AnswerLike => ({
    status: { code, headers: { ...headers, ...more }, body: { error } },
  });
  const response = {
    id: at('response id'),
    model: at('response model'),
    service_tier: at('response service_tier'),
    metadata: { a: at('response metadata') },
    user: at('response user'),
  };
  const usage = {
    input_tokens: at('input_tokens'),
    output_tokens: at('output_tokens'),
    total_tokens: at('total_tokens'),
    input_tokens_details: { cached_tokens: at('cached_tokens') },
    output_tokens_details: { reasoning_tokens: at('reasoning_tokens') },
  };
  return {
    fine: {
      headers,
      responseId: at('response id'),
      steps: [
        { comment: at('comment') },
        { reasoning: { summary: at('reasoning summary'), encrypted: at('reasoning encrypted') } },
        { text: at('text') },
        {
          toolCall: {
            name: at('tool name'),
            arguments: { secret: at('tool arguments') },
            callId: at('call id'),
          },
        },
        { event: { type: `response.${at('event type')}`, text: at('event text') } },
        { event: { type: 'keepalive', text: at('keepalive') } },
        { complete: { usage, response } },
      ],
    },
    numbers: { steps: [{ text: at('text') }, { complete: { response } }] },
    incomplete: { steps: [{ text: at('text') }, { incomplete: at('incomplete reason') }] },
    failed: [{ text: at('text') }, { fail: { code: at('failed code'), message: at('failed message') } }],
    error: [
      { text: at('text') },
      {
        error: {
          code: at('event code'),
          message: at('event message'),
          type: at('event error type'),
          param: at('event param'),
          headers: { 'x-codex-a': at('event header') },
        },
      },
    ],
    r400: refused(400),
    r401: refused(401),
    r404: refused(404),
    r429: refused(429, { 'retry-after': at('retry-after') }),
    r500: refused(500),
    r302: refused(302, { location: `https://x.example/${encodeURIComponent(at('location'))}` }),
    html: { status: { code: 502, headers, body: `<html>${at('html')}</html>` } },
    page: { form: 'html', steps: [{ text: at('text') }] },
    json: { form: 'json', steps: [{ text: at('text') }] },
    broken: [{ raw: `data: {"type":"response.${at('broken json')}\n\n` }, { end: true }],
    reset: [{ text: at('text') }, { reset: true }],
    cut: [{ text: at('text') }, { end: true }],
    stall: [{ text: at('text') }, { stall: true }],
    silent: [{ stall: true }],
  };
}
