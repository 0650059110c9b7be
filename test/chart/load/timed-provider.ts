/** A provider whose turns take as long as their text says, and which knows how often each was asked for. */
import { openScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import type { RecordedRequest } from '../../../src/scripted/recorded-request.ts';
import type { AnswerFunction, Step } from '../../../src/scripted/script.ts';

export interface TimedProvider extends AsyncDisposable {
  /** `http://HOST:PORT/v1`. */
  readonly url: string;
  /** Requests for a turn, by what stands before `: take … seconds` in its text. */
  readonly asked: ReadonlyMap<string, number>;
}

const TURN = /(\S+): take ([\d.]+) seconds/;
/** Between two deltas; it is how often a turn is seen to be alive. */
const DELTA_MS = 500;

/** @param host where pods reach it */
export async function openTimedProvider(host: string): Promise<TimedProvider> {
  const asked = new Map<string, number>();
  const answer: AnswerFunction = (request) => {
    const text = lastUserText(request);
    const [, id = 'unknown', seconds = '1'] = TURN.exec(text) ?? [];
    if (lastType(request) === 'function_call_output') return timed(Number(seconds), 'done ');
    asked.set(id, (asked.get(id) ?? 0) + 1);
    // Codex is told to run something in between: its socket is idle then, and the next request is the same turn's
    if (id.startsWith('codex')) {
      return [
        ...timed(Number(seconds), 'thinking '),
        { toolCall: { name: 'exec_command', arguments: { cmd: 'sleep 3' } } },
      ];
    }
    return timed(Number(seconds), 'word ');
  };
  const provider = await openScriptedProvider({ host, script: { name: 'timed', rules: [{ answer }] } });
  return {
    url: provider.url,
    asked,
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

function timed(seconds: number, text: string): readonly Step[] {
  const repeat = Math.max(1, Math.round((seconds * 1000) / DELTA_MS));
  return [{ text, repeat, delayMs: Math.round((seconds * 1000) / repeat) }];
}

interface Item {
  readonly type?: string;
  readonly role?: string;
  readonly content?: string | readonly { readonly text?: string }[];
}

function itemsOf({ body }: RecordedRequest): readonly Item[] {
  if (typeof body.input === 'string') return [{ type: 'message', role: 'user', content: body.input }];
  return Array.isArray(body.input) ? (body.input as readonly Item[]) : [];
}

function lastType(request: RecordedRequest): string {
  return itemsOf(request).at(-1)?.type ?? 'message';
}

function lastUserText(request: RecordedRequest): string {
  const { content = '' } = itemsOf(request).findLast(({ role }) => role === 'user') ?? {};
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join(' ');
}
