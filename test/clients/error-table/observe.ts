/** What a run of Codex came to, in the words of the table's rows. Pure. */
import type { JsonObject } from '../codex-exec.ts';
import type { ClientTap, TappedConnection } from '../client-tap.ts';
import type { Heard } from '../tapped-answer.ts';
import { goodAnswer, type Doing } from './fault-row.ts';
import { frameWords, statusWords, withoutRepeats } from './words.ts';

/** What the user of a run saw. */
export interface Shown {
  readonly hasFailed: boolean;
  /** Retry notices, warnings, the failure, in order. */
  readonly complaints: readonly string[];
  /** Texts of the agent's messages. */
  readonly answers: readonly string[];
  /** Turns that were asked for. */
  readonly turns: number;
}

/** The same columns as those of a row. */
export interface Observation {
  readonly gets: readonly string[];
  readonly does: Omit<Doing, 'afterS'>;
  readonly sees: readonly string[];
  readonly answers: readonly string[];
  /** Longest time between two of its steps (handshake, turn, POST), in seconds: waits that Codex was told. */
  readonly longestGapS: number;
}

/** Puts together what the tap and the user saw. */
export function observe(
  { connections, refused }: Pick<ClientTap, 'connections' | 'refused'>,
  shown: Shown,
): Observation {
  const sockets = connections.filter(({ isWebSocket }) => isWebSocket);
  const posts = connections
    .filter(({ requestLine }) => requestLine.startsWith('POST '))
    .flatMap(({ requestTimes }) => requestTimes);
  const turns = sockets.flatMap(({ frames, frameTimes }) =>
    frames.flatMap((frame, index) => (isTurn(frame) ? [frameTimes[index] as number] : [])),
  );
  const counts = { sockets: sockets.length, turns: turns.length, posts: posts.length };
  const sees = joinNotices(shown.complaints.map(shorten));
  return {
    gets: withoutRepeats([...(refused > 0 ? ['TCP reset'] : []), ...connections.flatMap(toGets)]),
    does: {
      how: howOf({ ...shown, complaints: sees }, counts, refused > 0 || sockets.some(isRefused)),
      ...counts,
    },
    sees,
    answers: shown.answers,
    longestGapS:
      longestGap([...sockets.flatMap(({ requestTimes }) => requestTimes), ...turns, ...posts]) / 1000,
  };
}

function isTurn(frame: JsonObject): boolean {
  return frame['type'] === 'response.create' && frame['generate'] !== false;
}

function howOf(
  shown: Shown,
  { sockets, turns, posts }: { sockets: number; turns: number; posts: number },
  wasRefused: boolean,
): Doing['how'] {
  if (sockets === 0 && posts > 0 && !shown.hasFailed) return posts > shown.turns ? 'tries again' : 'goes on';
  if (shown.hasFailed) return shown.complaints.length > 1 ? 'gives up' : 'stops';
  if (posts > 0) return 'goes to HTTP';
  if (turns > shown.turns || wasRefused) return 'tries again';
  return sockets > 1 ? 'reconnects' : 'goes on';
}

/** A handshake that came to nothing. */
function isRefused({ heard }: TappedConnection): boolean {
  return heard[0] === undefined || heard[0].kind !== 'frame';
}

/** What of a connection is no good answer, in order. */
function toGets(connection: TappedConnection): readonly string[] {
  return connection.heard.flatMap((heard) => {
    const words = toWords(heard, connection);
    return words === undefined ? [] : [words];
  });
}

function toWords(heard: Heard, connection: TappedConnection): string | undefined {
  const { isWebSocket } = connection;
  switch (heard.kind) {
    case 'status':
      return heard.answer.status === 200 ? undefined : statusWords(heard.answer, isWebSocket);
    case 'frame':
      return frameWords(heard.frame);
    case 'close':
      return `close ${heard.code}`;
    case 'end':
      // an HTTP connection may end when it likes, and a refused upgrade is one
      return isWebSocket && connection.heard[0]?.kind !== 'status' ? 'TCP end' : undefined;
    case 'reset':
      return 'TCP reset';
  }
}

/** Addresses differ from run to run; of a frame that is shown as it came only the message is told. */
function shorten(text: string): string {
  const message = /^\{.*"message":"((?:[^"\\]|\\.)*)"/s.exec(text)?.[1];
  if (message !== undefined) return `{… ${message.replaceAll('\\"', '"')} …}`;
  return text.replaceAll(/(?:ws|http):\/\/127\.0\.0\.1:\d+\/\S*[^\s),]/g, 'URL');
}

/** `Reconnecting... 2/5 (why)`, `3/5 (why)` become `Reconnecting... 2–3/5 (why)`; the last failure is told twice. */
function joinNotices(texts: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const text of texts) {
    const last = joined.at(-1);
    const [, number, of, why] = /^Reconnecting\.\.\. (\d+)\/(\d+) (.*)$/s.exec(text) ?? [];
    const [, first, , lastOf, lastWhy] =
      /^Reconnecting\.\.\. (\d+)(?:–(\d+))?\/(\d+) (.*)$/s.exec(last ?? '') ?? [];
    if (why !== undefined && why === lastWhy && of === lastOf && Number(number) > Number(first)) {
      joined[joined.length - 1] = `Reconnecting... ${first}–${number}/${of} ${why}`;
    } else if (text !== last) joined.push(text);
  }
  return joined;
}

function longestGap(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.slice(1).map((time, index) => time - (sorted[index] as number)));
}

/** What a row expects of the answers. */
export function expectedAnswers(row: {
  readonly answers?: readonly string[];
  readonly does: Doing;
}): readonly string[] {
  if (row.answers !== undefined) return row.answers;
  return row.does.how === 'stops' || row.does.how === 'gives up' ? [] : [goodAnswer];
}
