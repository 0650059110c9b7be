/** A reflector in front of the fake API server, and what is to be true of it whatever happens. */
import { manualClock } from '../harness/clock.ts';
import type { ManualClock } from '../harness/clock.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import type { FakeKube, ObjectRef } from '../harness/fake-kube.ts';
import { kubeClientOf } from '../harness/kube-client.ts';
import type { TestKubeClient } from '../harness/kube-client.ts';
import { until } from '../harness/wait-for.ts';
import type { KubeFact } from '../../src/kube/kube-facts.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type { ReflectorOptions } from '../../src/kube/reflector.ts';

const apiVersion = 'turnbridge.dev/v1alpha1';
const kind = 'ResponsesRoute';
export const ROUTES = '/apis/turnbridge.dev/v1alpha1/namespaces/ai/responsesroutes';

/** What these reflectors keep: the version, to compare, and one field. */
export interface KeptRoute {
  readonly version: string;
  readonly note: unknown;
}

/** What was told of a key: the version held then; undefined: it was gone. */
export interface Told {
  readonly key: string;
  readonly version: string | undefined;
}

export interface ReflectionOptions extends Partial<
  Pick<ReflectorOptions<KeptRoute>, 'keep' | 'onChange' | 'onSynced' | 'pageSize'>
> {
  /** Of backoff and jitter; the middle by default. */
  readonly random?: () => number;
  /** Routes that exist before it starts: `r0`, `r1`, … */
  readonly routes?: number;
}

/** Not started yet, so that a test can script what goes wrong. Pages of two. Use with `await using`. */
export async function openReflection(options: ReflectionOptions = {}): Promise<Reflection> {
  const kube = await openFakeKube();
  const reflection = new Reflection(kube, options);
  for (let at = 0; at < (options.routes ?? 5); at++) reflection.put(`r${String(at)}`);
  return reflection;
}

export class Reflection implements AsyncDisposable {
  readonly kube: FakeKube;
  readonly clock: ManualClock = manualClock(1_000_000);
  readonly client: TestKubeClient;
  readonly reflector: Reflector<KeptRoute>;
  /** All that was told, oldest first. */
  readonly told: Told[] = [];
  readonly facts: KubeFact[] = [];
  /** Every wait, in milliseconds. */
  readonly waits: number[] = [];
  #silencesPassed = 0;

  constructor(
    kube: FakeKube,
    { keep, onChange, onSynced, pageSize = 2, random = () => 0.5 }: ReflectionOptions,
  ) {
    this.kube = kube;
    this.client = kubeClientOf(kube, this.clock);
    this.reflector = new Reflector<KeptRoute>({
      client: this.client,
      path: ROUTES,
      resource: 'responsesroutes',
      keep: keep ?? (({ metadata, ...rest }) => ({ version: metadata.resourceVersion, note: noteOf(rest) })),
      onChange: (key) => {
        this.told.push({ key, version: this.reflector.get(key)?.version });
        onChange?.(key);
      },
      onSynced,
      pageSize,
      facts: (fact) => {
        this.facts.push(fact);
        if (fact.kind === 'reflector.waiting') this.waits.push(fact.ms);
      },
      clock: this.clock,
      random,
    });
  }

  /** Creates a route, or changes it. */
  put(name: string, note: unknown = 0): void {
    this.kube.put({
      apiVersion,
      kind,
      metadata: { name, namespace: 'ai' },
      spec: { bridgeName: 'default', note },
    });
  }

  remove(name: string): void {
    if (this.kube.read(routeRef(name)) !== undefined) this.kube.remove(routeRef(name));
  }

  /** Starts, and waits until a watch is open on all there is. */
  async start(): Promise<void> {
    this.reflector.start();
    await this.settle();
  }

  /** Lets waits and silences pass, until a watch is open and the copy is that of the server. */
  async settle(): Promise<void> {
    await until(
      () => {
        this.#passTime();
        const { state } = this.reflector;
        return state.kind === 'watching' && state.isOpen && this.difference() === undefined;
      },
      'the copy to be that of the server',
      10_000,
    ).catch((error: unknown) => {
      const seen = `${JSON.stringify(this.reflector.state)}; ${this.difference() ?? 'no difference'}`;
      throw new Error(`${String(error)}; ${seen}; ${JSON.stringify(this.facts.slice(-12))}`);
    });
  }

  /** Waits for a fact of the reflector that comes after this call. */
  async next<K extends KubeFact['kind']>(kind: K): Promise<KubeFact & { kind: K }> {
    const from = this.facts.length;
    return until(
      () => this.facts.slice(from).find((fact): fact is KubeFact & { kind: K } => fact.kind === kind),
      kind,
    );
  }

  /** Lets the reflector take its next step, whatever that is. */
  async step(): Promise<void> {
    const [facts, requests] = [this.facts.length, this.kube.requests.length];
    const isQuiet = ({ state } = this.reflector): boolean => state.kind === 'watching' && state.isOpen;
    await until(() => {
      this.#passTime();
      return isQuiet() || this.facts.length > facts || this.kube.requests.length > requests;
    }, 'a step');
  }

  /** A wait and a silence end as soon as they begin: nothing here takes the time it takes. */
  #passTime(): void {
    const { state } = this.reflector;
    if (state.kind === 'waiting') this.clock.advance(state.untilMs - this.clock.now());
    else if (this.kube.silenced > this.#silencesPassed) {
      this.#silencesPassed = this.kube.silenced;
      this.clock.advance(700_000);
    }
  }

  /** What is not the same here and there; undefined: nothing. */
  difference(): string | undefined {
    const there = Object.fromEntries(
      this.kube
        .list(apiVersion, kind, 'ai')
        .map(({ metadata: { name, resourceVersion } }) => [`ai/${name}`, resourceVersion]),
    );
    const here = Object.fromEntries(
      [...this.reflector.entries()].map(([key, { version }]) => [key, version]),
    );
    const keys = [...new Set([...Object.keys(there), ...Object.keys(here)])];
    const wrong = keys.filter((key) => here[key] !== there[key]);
    if (wrong.length > 0) return `not the same: ${wrong.join(', ')}`;
    // Who only listens has to know the same.
    const heard = Object.fromEntries(this.told.map(({ key, version }) => [key, version]));
    const unheard = keys.filter((key) => heard[key] !== there[key]);
    const ghosts = Object.keys(heard).filter((key) => heard[key] !== undefined && there[key] === undefined);
    return unheard.length + ghosts.length > 0 ? `not told: ${[...unheard, ...ghosts].join(', ')}` : undefined;
  }

  /** Keys that were told twice of the same version: there must be none. */
  repeats(): string[] {
    const last = new Map<string, string | undefined>();
    return this.told
      .filter(({ key, version }) => {
        const isRepeat = last.has(key) ? last.get(key) === version : version === undefined;
        last.set(key, version);
        return isRepeat;
      })
      .map(({ key, version }) => `${key}@${version ?? 'gone'}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reflector.close();
    await this.client.close();
    await this.kube.stop();
  }
}

/** A route of these tests. */
export function routeRef(name: string): ObjectRef {
  return { apiVersion, kind, namespace: 'ai', name };
}

function noteOf({ spec }: Readonly<Record<string, unknown>>): unknown {
  return (spec as { readonly note?: unknown } | undefined)?.note;
}
