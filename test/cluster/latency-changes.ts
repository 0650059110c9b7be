/** Changes of routes whose effect a turn shows, and what is told of how long they took. */
import { keyOfObject, type WrittenObject } from './apply-object.ts';
import type { Sighting } from './steady-turns.ts';
import type { RunningBridge, RunningOperator, Stage } from './stage.ts';

/** The header that routes give to each request: the number of the change that wrote it. */
const MARK = 'x-change';

export interface Change {
  readonly kind: 'route changed' | 'key changed' | 'route added' | 'route removed';
  readonly action: 'apply' | 'delete';
  readonly object: WrittenObject;
  /** Whether a turn with these headers at the provider was served with the change in effect. */
  readonly isSeen: (headers: Sighting['headers']) => boolean;
}

/** The route of all turns, and the Secret with its provider's key. */
export function baseRoute(stage: Stage, mark: number): WrittenObject {
  return stage.route('base', markedSpec(stage, mark));
}

export function providerKey(stage: Stage, mark: number): WrittenObject {
  return stage.secret('provider-key', { apiKey: `key-${String(mark)}` });
}

function markedSpec(stage: Stage, mark: number): Record<string, unknown> {
  const auth = { type: 'APIKey', secretRef: { name: 'provider-key' } };
  const headers = { set: [{ name: MARK, value: String(mark) }] };
  return { providers: [{ name: 'scripted', url: stage.provider.url, auth, headers }] };
}

/** The newest change that a turn shows; 0: none. */
export function markOf(headers: Sighting['headers']): number {
  return Number(headers[MARK] ?? 0);
}

/** Four at a time: the route, its provider's key, a route of its own for the models of all turns, and that one removed. */
export function changesOf(stage: Stage, count: number): readonly Change[] {
  return Array.from({ length: count / 4 }, (_, index): readonly Change[] => {
    const mark = 1 + index * 4;
    const added = stage.route('added', {
      ...markedSpec(stage, mark + 2),
      match: { models: ['bridge-*'] },
    });
    const apply = { action: 'apply' } as const;
    return [
      {
        ...apply,
        kind: 'route changed',
        object: baseRoute(stage, mark),
        isSeen: (headers) => markOf(headers) === mark,
      },
      {
        ...apply,
        kind: 'key changed',
        object: providerKey(stage, mark + 1),
        isSeen: (headers) => headers['authorization'] === `Bearer key-${String(mark + 1)}`,
      },
      {
        ...apply,
        kind: 'route added',
        object: added,
        isSeen: (headers) => markOf(headers) === mark + 2,
      },
      {
        action: 'delete',
        kind: 'route removed',
        object: added,
        isSeen: (headers) => markOf(headers) === mark,
      },
    ];
  }).flat();
}

/** A route that the API server takes and that is wrong, and what its status has to say. */
export interface Mistake {
  readonly kind: string;
  readonly object: WrittenObject;
  readonly key: string;
  readonly condition: 'Accepted' | 'ResolvedRefs';
  readonly reason: string;
  /** Where it is, and what to do. */
  readonly cure: RegExp;
}

/** One of each kind in turn. `stranger`: a namespace that does not own the host. Names begin with `prefix`. */
export function mistakesOf(
  stage: Stage,
  host: string,
  stranger: string,
  count: number,
  prefix: string,
): readonly Mistake[] {
  const secretRef = { name: 'nobodys' };
  const provider = { name: 'scripted', url: stage.provider.url };
  const kinds = [
    (name: string) => ({
      kind: 'Secret missing',
      object: stage.route(name, {
        match: { paths: [`/${name}`] },
        providers: [{ ...provider, auth: { type: 'APIKey', secretRef } }],
      }),
      condition: 'ResolvedRefs' as const,
      reason: 'SecretNotFound',
      cure: /there is no Secret nobodys in namespace \S+; add it/,
    }),
    (name: string) => ({
      kind: "host of another namespace's",
      object: stage.route(name, { hostnames: [host] }, stranger),
      condition: 'Accepted' as const,
      reason: 'HostnameNotAllowed',
      cure: /spec\.hostnames.*belongs to/s,
    }),
    (name: string) => ({
      kind: 'clients other than its group',
      object: stage.route(name, {
        match: { models: ['other'] },
        clients: { auth: { type: 'APIKey', secretRef: { name: 'provider-key' } } },
      }),
      condition: 'Accepted' as const,
      reason: 'Conflicted',
      cure: /spec\.clients/,
    }),
  ];
  return Array.from({ length: count }, (_, index) => {
    const mistake = kinds[index % kinds.length]!(`${prefix}-${String(index)}`);
    return { ...mistake, key: keyOfObject(mistake.object) };
  });
}

/** From the answer of the API server on. */
export interface Effect {
  readonly kind: string;
  /** Until the last bridge had a turn that shows it, or the condition was there. */
  readonly ms: number;
  /** Less what the machine took: the longest wait for a processor of one process on the way. */
  readonly ownMs: number;
}

/** An effect that can be found in the logs. */
export interface LoggedEffect extends Effect {
  /** Of the snapshot in effect before: the next one has the change. */
  readonly generationBefore: number;
  /** `Date.now()` at the answer: the clock of the logs, for what is told. */
  readonly answeredAt: number;
}

/** Where the time of a change went, as the processes logged it. */
export interface Split {
  /** Until the snapshot was written. */
  readonly writtenMs: number;
  /** From there until the last bridge had swapped. */
  readonly swappedMs: number;
}

/** Undefined when the logs have not told it all yet. */
export function splitOf(
  { generationBefore, answeredAt }: Pick<LoggedEffect, 'generationBefore' | 'answeredAt'>,
  operator: RunningOperator,
  bridges: readonly RunningBridge[],
): Split | undefined {
  const written = operator
    .logs()
    .find(({ msg, generation }) => msg === 'snapshot written' && Number(generation) > generationBefore);
  const swaps = bridges.map((bridge) =>
    bridge
      .logs()
      .find(
        ({ msg, generation }) =>
          (msg === 'routes changed' || msg === 'bridge ready') && generation === written?.['generation'],
      ),
  );
  if (written === undefined || swaps.includes(undefined)) return undefined;
  const writtenAt = timeOf(written['time']);
  const swappedAt = Math.max(...swaps.map((line) => timeOf(line?.['time'])));
  return { writtenMs: writtenAt - answeredAt, swappedMs: swappedAt - writtenAt };
}

function timeOf(text: unknown): number {
  return Date.parse(String(text));
}

/** Of at least one value. `share`: 0.99 for the 99th percentile, by rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Lines of a table: each kind for itself, then all, then all without what the machine took. */
export function rowsOf(name: string, effects: readonly Effect[]): readonly string[] {
  const kinds = Map.groupBy(effects, ({ kind }) => kind);
  const inMs = (of: readonly Effect[]): readonly number[] => of.map(({ ms }) => ms);
  return [
    ...(kinds.size === 1 ? [] : [...kinds].map(([kind, of]) => row(`  ${kind}`, inMs(of)))),
    row(name, inMs(effects)),
    row(
      '  less the longest wait for a processor',
      effects.map(({ ownMs }) => ownMs),
    ),
  ];
}

/** A line of a table: how many, p50, p99, most. */
export function row(name: string, values: readonly number[]): string {
  const figures = [percentile(values, 0.5), percentile(values, 0.99), Math.max(...values)];
  return [name.padEnd(42), String(values.length), ...figures.map((ms) => `${String(Math.round(ms))} ms`)]
    .map((text, index) => (index === 0 ? text : text.padStart(9)))
    .join('');
}
