/** JSON with something wrong in its structure: still JSON mostly, and not what anybody expects. */
import type { Random } from './random.ts';

/** Text that stands for a value and may be none. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const EDGE_STRINGS: readonly string[] = [
  // readers may take short and long strings in different ways
  ['\\', '"', '\\"', 'ü', '\n', 'x'].flatMap((end) => [`${'x'.repeat(47)}${end}`, `${'x'.repeat(90)}${end}`]),
  ['\\'.repeat(47), '\\'.repeat(90), '"'.repeat(60), '\\"'.repeat(40), `${'"x\\'.repeat(30)}\\`],
  ['', ' ', 'a', '\0', '\n', '\u007f', '\u2028', '\ud800', '🙂', 'ü', '"', '\\', '/', '{}', 'null'],
  ['true', '0', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'completed', 'failed'],
  ['incomplete', 'in_progress', 'response.create', 'response.done', 'response.completed', 'error'],
  ['keepalive', 'x.ping', 'message', 'try again in 1e9 s', 'try again in ....s', 'x'.repeat(300)],
  ['é'.repeat(5000), 'a\r\nb: c', 'message\0'],
].flat();

const EDGE_VALUES: readonly unknown[] = [
  ['1e999', '-1e999', '1e-999', '-0', '0.1', '1E5', '9007199254740993', '-9007199254740993'],
  ['4294967296', '1'.repeat(64), '1'.repeat(65), `0.${'3'.repeat(80)}`, '00', '1.', '.5', '+1'],
  ['0x1', 'NaN', 'tru', 'undefined', '"\\ud800"', '"\\x"', '"a\nb"', '"\\u00"', '"', '', '[', '{'],
  [']', '[1,]', '{"a":1,}', '{"a":1,"a":2}', '//', '{"__proto__":{"type":"error"}}'],
  ['{"toString":1}', '[{"toString":1}]', '{"valueOf":1,"toJSON":1}', '429', '503', '200', '-1'],
  ['400.5', '599', '2147483648'],
]
  .flat()
  .map((text): unknown => new Raw(text))
  .concat([
    null,
    true,
    false,
    0,
    1,
    {},
    [],
    [[]],
    [{}],
    [null],
    { type: 'message' },
    { id: '' },
    ...EDGE_STRINGS,
  ]);

/** The key of the whole document. */
const ROOT = 'document';

/** Where a value stands. */
interface Slot {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string;
}

/**
 * A document by chance: one of the seeds with one to six things wrong in its structure, as text, with white space and
 * escapes that nobody needs.
 */
export function mutatedJson(random: Random, seeds: readonly unknown[]): string {
  const root = { [ROOT]: structuredClone(random.pick(seeds)) };
  for (let left = random.size(6); left > 0; left -= 1) {
    const slots = slotsOf(root);
    random.pick(MUTATIONS)(random, random.pick(slots), slots, seeds);
  }
  return write(random.oneIn(4) ? random : undefined, root[ROOT]);
}

function anyEdge(random: Random): unknown {
  const value = random.pick(EDGE_VALUES);
  return value instanceof Raw ? value : structuredClone(value); // a copy, since it may be changed later
}

/** What may become of one value. */
type Mutation = (random: Random, slot: Slot, slots: readonly Slot[], seeds: readonly unknown[]) => void;

const MUTATIONS: readonly Mutation[] = [
  (random, slot) => put(slot, anyEdge(random)),
  (random, slot) => put(slot, anyEdge(random)),
  function fromAnotherSeed(random, slot, _slots, seeds) {
    put(slot, read(random.pick(slotsOf({ donor: structuredClone(random.pick(seeds)) }))));
  },
  (random, slot, slots) => put(slot, new Raw(write(undefined, read(random.pick(slots))))),
  (_random, slot) => take(slot),
  repeat,
  function nest(random, slot) {
    const depth = random.size(1500);
    const [open, close] = random.pick(BRACKETS);
    put(slot, new Raw(open.repeat(depth) + write(undefined, read(slot)) + close.repeat(depth)));
  },
  function rename(random, slot, slots) {
    if (Array.isArray(slot.holder) || slot.key === ROOT) return;
    const value = take(slot);
    define(slot.holder, anyKey(random, slots), value);
  },
  add,
];

const BRACKETS = [
  ['[', ']'],
  ['{"a":', '}'],
  ['{"response":', '}'],
  ['{"error":', '}'],
] as const;

/** A list gets more of the same; an object the same key again. */
function repeat(random: Random, slot: Slot): void {
  const { holder, key } = slot;
  if (key === ROOT) return;
  const again = Array.isArray(holder) ? '' : `${JSON.stringify(key)}:`;
  const other = write(undefined, random.oneIn(2) ? read(slot) : anyEdge(random));
  const copies = `,${again}${other}`.repeat(random.size(Array.isArray(holder) ? 40 : 2));
  put(slot, new Raw(write(undefined, read(slot)) + copies));
}

/** One member more, or one item. */
function add(random: Random, slot: Slot, slots: readonly Slot[]): void {
  const value = read(slot);
  const key = anyKey(random, slots);
  if (Array.isArray(value)) value.push(anyEdge(random));
  else if (isHolder(value)) define(value, key, anyEdge(random));
  else put(slot, { [key]: value });
}

function anyKey(random: Random, slots: readonly Slot[]): string {
  return random.oneIn(2) ? random.pick(EDGE_STRINGS) : random.pick(slots).key;
}

/** Takes the value out, and its place with it. */
function take(slot: Slot): unknown {
  const value = read(slot);
  if (Array.isArray(slot.holder)) slot.holder.splice(Number(slot.key), 1);
  else if (slot.key !== ROOT) delete slot.holder[slot.key];
  return value;
}

function isHolder(value: unknown): value is Record<string, unknown> | unknown[] {
  return typeof value === 'object' && value !== null && !(value instanceof Raw);
}

function slotsOf(holder: Record<string, unknown> | unknown[], found: Slot[] = []): Slot[] {
  for (const [key, value] of Object.entries(holder)) {
    found.push({ holder, key });
    if (isHolder(value)) slotsOf(value, found);
  }
  return found;
}

function read({ holder, key }: Slot): unknown {
  return (holder as Record<string, unknown>)[key];
}

function put({ holder, key }: Slot, value: unknown): void {
  define(holder, key, value);
}

/** An own member, also where the key is `__proto__`. */
function define(holder: Slot['holder'], key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** @param random Where white space and escapes come from; undefined: none. */
function write(random: Random | undefined, value: unknown): string {
  const space = (): string =>
    random?.oneIn(3) === true ? random.pick([' ', '\n', '\t', '\r\n', '  \n ']) : '';
  if (value instanceof Raw) return value.text;
  if (typeof value === 'string') return writeString(random, value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((each) => space() + write(random, each) + space()).join(',')}${space()}]`;
  }
  const members = Object.entries(value).map(
    ([key, each]) =>
      `${space()}${writeString(random, key)}${space()}:${space()}${write(random, each)}${space()}`,
  );
  return `{${members.join(',')}${space()}}`;
}

function writeString(random: Random | undefined, text: string): string {
  const plain = JSON.stringify(text);
  if (random === undefined || !random.oneIn(6) || text === '') return plain;
  const at = random.below(text.length);
  const escaped = `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return `"${JSON.stringify(text.slice(0, at)).slice(1, -1)}${escaped}${JSON.stringify(text.slice(at + 1)).slice(1, -1)}"`;
}
