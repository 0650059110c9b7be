/** The scripts that need no file. docs/scripted-provider.md lists the same ones; a test compares. */
import { dialectNames, dialectScript } from './dialects.ts';
import { helloAnswer } from './hello.ts';
import { quirks } from './script.ts';
import type { Answer, AnswerFunction, Script, StatusAnswer, Step } from './script.ts';
import { toolCallAnswer } from './tool-call-answer.ts';

const beginning: Step = { text: 'The answer begins well, but', unfinished: true };

/** 1 MiB: the size at which a slow reader's provider is paused. */
const hugeDeltaBytes = 1_048_576;

/** The public API's form of an error before a stream. */
function refusal(
  code: number,
  type: string,
  errorCode: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): { readonly status: StatusAnswer } {
  return { status: { code, headers, body: { error: { message, type, param: null, code: errorCode } } } };
}

function script(name: string, summary: string, answer: Answer | readonly Step[] | AnswerFunction): Script {
  return { name, summary, rules: [{ answer }] };
}

const all: readonly Script[] = [
  script(
    'hello',
    'a friendly text that quotes the request; one "echo hi" when Codex is told to "run" something',
    helloAnswer,
  ),
  script('tool-call', 'a tool call, and a text once its output has come', toolCallAnswer),
  script('reasoning', 'a reasoning item, then a text', [
    {
      reasoning: { summary: '**Thinking** about what was asked', encrypted: 'scripted-encrypted-reasoning' },
    },
    { text: 'After some thought: {{userText}}' },
  ]),
  script('long', '2,000 deltas as fast as they are read', [{ text: 'word ', repeat: 2000 }]),
  script('slow', '20 deltas, one every 300 ms', [{ text: 'tick ', repeat: 20, delayMs: 300 }]),
  script('stall', 'three events, then silence', {
    breakAfter: { events: 3, how: 'stall' },
    steps: [{ text: 'This is never said.' }],
  }),
  script('silent', 'accepts the request and never answers', [{ stall: true }]),
  script('reset', 'some text, then a TCP reset', [beginning, { reset: true }]),
  script('cut', 'some text, then a clean end without a terminal event', [beginning, { end: true }]),
  script(
    'rate-limited',
    '429 rate_limit_exceeded with retry-after: 1',
    refusal(
      429,
      'requests',
      'rate_limit_exceeded',
      'Rate limit reached for requests. Please try again in 1s.',
      {
        'retry-after': '1',
      },
    ),
  ),
  script(
    'quota',
    '429 insufficient_quota, which no retry helps',
    refusal(
      429,
      'insufficient_quota',
      'insufficient_quota',
      'You exceeded your current quota, please check your plan and billing details.',
    ),
  ),
  script(
    'overloaded',
    '503 server_is_overloaded',
    refusal(503, 'server_error', 'server_is_overloaded', 'The server is overloaded. Please try again later.'),
  ),
  script(
    'bad-request',
    '400 invalid_request_error',
    refusal(
      400,
      'invalid_request_error',
      'invalid_value',
      'Invalid value in the request: this script refuses everything.',
    ),
  ),
  script(
    'unauthorized',
    '401 invalid_api_key',
    refusal(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'),
  ),
  script('failed', 'some text, then response.failed', [
    beginning,
    { fail: { code: 'server_error', message: 'The model failed in the middle of its answer.' } },
  ]),
  script('error-event', 'some text, then an error event and the end', [
    beginning,
    {
      error: {
        type: 'server_error',
        code: 'server_error',
        message: 'The server had an error within the stream.',
      },
    },
  ]),
  script('html', '200 with an HTML page, as a proxy in between would', { form: 'html' }),
  script('json', '200 with one JSON body although a stream was asked for', {
    form: 'json',
    steps: [{ text: 'This came in one piece.' }],
  }),
  script('quirks', 'every deviation of other providers at once, but no text is lost', {
    // With emptyOutput as well, nothing but the deltas would hold the text: that is the script `sparse` below.
    quirks: quirks.filter((quirk) => quirk !== 'emptyOutput'),
    steps: [{ comment: 'PROCESSING' }, { text: 'An answer in another dialect.' }],
  }),
  script('sparse', 'the terminal event has an empty output; items come only as they are done', {
    quirks: ['emptyOutput'],
    steps: [{ text: 'Said, but not repeated.' }],
  }),
  script('huge', 'three deltas of 1 MiB each', [{ text: 'x'.repeat(hugeDeltaBytes), repeat: 3 }]),
  ...[...dialectNames, 'chatgpt' as const].map((name) => dialectScript(name)),
];

/** The built-in scripts by name, in the order in which they are listed. */
export const builtInScripts: ReadonlyMap<string, Script> = new Map(all.map((each) => [each.name, each]));

/** One sentence for a script name that does not exist. */
export function unknownScript(name: string): string {
  return `there is no built-in script "${name}": write one of ${[...builtInScripts.keys()].join(', ')}`;
}
