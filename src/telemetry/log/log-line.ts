/**
 * One log line as text: JSON for machines, a readable line for a terminal. Pure.
 */
import type { LogEvent } from '../names.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * What a field may hold. Objects are not among them on purpose: a header map, a body or a provider's `Error`
 * cannot be logged by mistake, because it does not fit.
 */
export type LogValue = string | number | boolean | undefined;

/** Fields of one line. Undefined ones are left out; those that every line has (`time`, `level` …) are not replaced. */
export type LogFields = Readonly<Record<string, LogValue>>;

/** Who speaks: on every JSON line, never in text. */
export interface LogIdentity {
  readonly service: string;
  readonly version: string;
  /** The pod's name; undefined outside a cluster. */
  readonly pod: string | undefined;
}

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  readonly event: LogEvent;
  readonly msg: string;
  readonly fields: LogFields;
}

/**
 * The longest text that one field may carry, in characters. Ours are short; this is for names from a configuration
 * and for stacks, so that no line comes near the 16 KiB at which container runtimes split one.
 */
export const MAX_FIELD_CHARS = 4096;

const RESERVED = new Set(['time', 'level', 'msg', 'event', 'service', 'version', 'pod']);

/**
 * Built by hand: there is one for each turn, and this costs a fifth of an object and its `JSON.stringify`.
 *
 * @returns one line of JSON with its line feed. Numbers that are not finite are left out.
 */
export function toJsonLine(line: LogLine, identity: LogIdentity): string {
  // parts and one join: adding text to text leaves ten times as much garbage
  const parts = ['{"time":"', new Date(line.time).toISOString(), '","level":"', line.level, '"'];
  parts.push(',"msg":', toJsonText(line.msg), ',"event":"', line.event, '"');
  parts.push(',"service":', toJsonText(identity.service), ',"version":', toJsonText(identity.version));
  if (identity.pod !== undefined) parts.push(',"pod":', toJsonText(identity.pod));
  for (const name in line.fields) {
    const value = toLoggable(name, line.fields[name]);
    if (value !== undefined)
      parts.push(memberStart(name), typeof value === 'string' ? toJsonText(value) : `${value}`);
  }
  parts.push('}\n');
  return parts.join('');
}

/** `,"name":` of each field name: they are constants of ours. */
const memberStarts = new Map<string, string>();

function memberStart(name: string): string {
  let start = memberStarts.get(name);
  if (start === undefined) memberStarts.set(name, (start = `,${JSON.stringify(name)}:`));
  return start;
}

/** @returns one readable line with its line feed: local time, level, event, message, then `name=value` pairs. */
export function toTextLine(line: LogLine): string {
  const time = new Date(line.time);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  let text = `${clock} ${line.level.padEnd(5)} ${line.event.padEnd(16)} ${line.msg}`;
  for (const name in line.fields) {
    const value = toLoggable(name, line.fields[name]);
    if (value !== undefined) text += ` ${name}=${toWord(value)}`;
  }
  return `${text}\n`;
}

/** The value as it may be written; undefined: not at all. */
function toLoggable(name: string, value: LogValue): string | number | boolean | undefined {
  if (RESERVED.has(name)) return undefined;
  if (typeof value === 'string') return shorten(value);
  if (typeof value === 'boolean') return value;
  return typeof value === 'number' && Number.isFinite(value) ? roundToMicro(value) : undefined;
}

/** Nearly all texts are their own JSON, between quotes. */
function toJsonText(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

function shorten(value: string): string {
  return value.length <= MAX_FIELD_CHARS ? value : `${value.slice(0, MAX_FIELD_CHARS)}…`;
}

/** Durations are differences of a clock with far more digits than anyone reads. */
function roundToMicro(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Quoted as JSON unless it is one plain word: what a terminal would obey (escape, line feed) is never sent raw. */
function toWord(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@*+-]+$/.test(text) ? text : JSON.stringify(text);
}
