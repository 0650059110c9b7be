/** Event streams to be cut: fixed ones, generated ones, and what an outside judge finds in them. */
import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';

/** The three ways to end a line, and all of them in turn. */
export const LINE_ENDINGS: Readonly<Record<string, readonly string[]>> = {
  LF: ['\n'],
  CRLF: ['\r\n'],
  CR: ['\r'],
  'all three mixed': ['\n', '\r\n', '\r', '\r', '\r\n', '\n', '\n'],
};

/** Lines and their endings, the endings in turn; a blank line after CR is not ended by LF, which would be CRLF. */
export function streamOf(lines: readonly string[], endings: readonly string[]): Buffer {
  let stream = '';
  for (const [n, line] of lines.entries()) {
    const ending = endings[n % endings.length]!;
    stream += line + (line === '' && ending === '\n' && stream.endsWith('\r') ? '\r' : ending);
  }
  return Buffer.from(stream);
}

/**
 * The payloads that eventsource-parser finds. Empty events are left out: this project drops them on purpose.
 * One mark at the start is taken off here, because the judge also takes off three characters that look like one.
 */
export function judgedPayloads(stream: Buffer): string[] {
  const payloads: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => payloads.push(data) });
  parser.feed(`\uFEFF${new TextDecoder().decode(stream)}`);
  return payloads.filter((payload) => payload !== '');
}

/** What the judge finds when somebody adds the blank line that a broken server forgot after its last event. */
export function judgedUnendedPayload(stream: Buffer): string | undefined {
  const ended = judgedPayloads(Buffer.concat([stream, Buffer.from('\n\n')]));
  return ended[judgedPayloads(stream).length];
}

/** The stream in pieces. Places beyond its end wrap around; the same place twice is a piece of no bytes. */
export function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
  const inOrder = places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
  return [0, ...inOrder].map((start, n) => stream.subarray(start, inOrder[n] ?? stream.length));
}

export function byteByByte(stream: Buffer): Buffer[] {
  return Array.from(stream, (byte) => Buffer.of(byte));
}

/** Places for {@link cutAt}. */
export const places = fc.array(fc.nat(), { maxLength: 16 });

/** Characters of one to four bytes, and those that some reader or other takes for the end of a line. */
const text = fc
  .array(
    fc.constantFrom(
      'a',
      ' ',
      ':',
      '"',
      '\\',
      '{',
      'ü',
      '€',
      '🙂',
      '\u0000',
      '\u0085',
      '\u2028',
      '\uFEFF',
      '𝄞',
    ),
    { maxLength: 8 },
  )
  .map((characters) => characters.join(''));

const FIELDS = ['data', 'event', 'id', 'retry', '', 'Data', 'dat', 'datax', ' data', '\uFEFFdata', 'dátá'];

/** Any line: fields with a value, without one, without a colon; comments; blank ones; noise. */
const line = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('', '', 'data', 'data:', 'data: ', 'data:  ', ':', 'id', 'event: x'),
  },
  { weight: 6, arbitrary: text.map((value) => `data: ${value}`) },
  { weight: 3, arbitrary: text.map((value) => `data:${value}`) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...FIELDS), text).map((pair) => pair.join(':')) },
  { weight: 1, arbitrary: text },
);

const ending = fc.constantFrom('\n', '\r\n', '\r');

/** Any stream whatever: it may end in the middle of an event, of a line, of a character. */
export const anyStream: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom('', '', '\uFEFF', '\uFEFF\uFEFF', '\uFEFF\n'),
    fc.array(fc.tuple(line, ending), { maxLength: 30 }),
    fc.nat(6),
  )
  .map(([mark, lines, missing]) => {
    const whole = Buffer.from(mark + lines.flat().join(''));
    return whole.subarray(0, Math.max(0, whole.length - missing));
  });

const jsonText = text.map((value) => JSON.stringify(value));

/** An event of a response as one or several `data` lines: JSON may be broken wherever white space may stand. */
function eventLines(type: string, fields: string): fc.Arbitrary<string[]> {
  const parts = ['{', '"type":', JSON.stringify(type), `,${fields}`, '}'];
  const breaks = fc.array(fc.boolean(), { minLength: parts.length - 1, maxLength: parts.length - 1 });
  const oneLine = fc.constant(parts.slice(1).map(() => false));
  return fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: oneLine }, { weight: 1, arbitrary: breaks }),
      fc.constantFrom('data: ', 'data:'),
    )
    .map(([isBroken, prefix]) => {
      const lines = [parts[0]!];
      for (const [n, part] of parts.slice(1).entries()) {
        if (isBroken[n] === true) lines.push(part);
        else lines.push(`${lines.pop()!}${part}`);
      }
      return lines.map((each) => prefix + each);
    });
}

/** What may stand between the events of an answer without being one. */
const noise: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<string[]>([]) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<string[]>(
      [': keep-alive'],
      [': keep-alive', ''],
      ['', ''],
      ['retry: 3000'],
      ['id: 7'],
      ['event: ping', ''],
      ['data:', ''],
      ['data', ''],
      ['data: [DONE]', ''],
      ['\uFEFFdata: {"type":"no event"}', ''],
    ),
  },
);

/**
 * A whole answer of a provider, from `response.created` to `response.completed`, in any way that the standard
 * allows to write it. The last blank line may be missing, as with some servers.
 */
export const anyAnswer: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(jsonText, { maxLength: 6 }),
    fc.constantFrom('', '\uFEFF'),
    fc.oneof(
      ending.map((each) => [each]),
      fc.array(ending, { minLength: 3, maxLength: 7 }),
    ),
    fc.boolean(),
  )
  .chain(([deltas, mark, endings, isEnded]) => {
    const delta = 'response.output_text.delta';
    const events = [
      eventLines('response.created', '"response":{"id":"resp_1","status":"in_progress"}'),
      ...deltas.map((each) => eventLines(delta, `"output_index":0,"delta":${each}`)),
      eventLines('response.completed', '"response":{"id":"resp_1","status":"completed","output":[]}'),
    ];
    const blocks = events.map((lines) =>
      fc
        .tuple(noise, fc.constantFrom([], ['event: a'], ['id: 1', 'event: b'], [': c']), lines)
        .map((parts) => [...parts.flat(), '']),
    );
    return fc.tuple(...blocks).map((all) => {
      const lines = all.flat();
      const stream = streamOf(isEnded ? lines : lines.slice(0, -1), endings);
      return Buffer.concat([Buffer.from(mark), stream]);
    });
  });
