/**
 * How tests of this folder prove that a proxy holds what is silent for longer than its default: beside it, the same
 * silence goes through the same proxy without the settings, and is cut. No clock is looked at but the proxy's own.
 */
import type { PinglessBridge } from './pingless-bridge.ts';
import { beginSilence, type Lives, type Woken } from './silence.ts';
import type { WayIn } from './way-in.ts';

/** `TURNBRIDGE_TEST_TRUE_TIMEOUTS=1`: the products' own defaults, and minutes of waiting. */
export const hasTrueTimeouts = process.env['TURNBRIDGE_TEST_TRUE_TIMEOUTS'] === '1';

/** What stands for a product's default where time is scaled: long enough for a busy machine to begin three silences. */
const scaledSeconds = 3;

/** The product's default, or what stands for it. */
export function defaultSeconds(ofProduct: number): number {
  return hasTrueTimeouts ? ofProduct : scaledSeconds;
}

/** For a test that waits for the default to pass, once; several times on a machine that is late. */
export function testMs(seconds: number): number {
  return seconds * 1_000 + 240_000;
}

export interface Outlast {
  /** With the settings. */
  readonly held: WayIn;
  /** Without them. */
  readonly cut: WayIn;
  readonly bridge: PinglessBridge;
  /** The default that cuts, as given to the proxy. */
  readonly seconds: number;
  /** What it cuts; all unless said. */
  readonly cuts?: readonly (keyof Lives)[];
}

export const everything: readonly (keyof Lives)[] = ['idleSocket', 'turn', 'httpTurn'];

export interface Outcome {
  /** What was cut so soon that it cannot have been by that default. */
  readonly tooSoon: readonly (keyof Lives)[];
  readonly woken: Woken;
}

/** All is as it should be. */
export const outlasted: Outcome = {
  tooSoon: [],
  woken: { idleSocket: 'completed', turn: 'completed', httpTurn: 'completed' },
};

/** How long a cut after so many seconds is waited for: a proxy may look late, and Envoy takes a second more to close. */
export function cutMs(seconds: number): number {
  return seconds * 1_000 + 20_000;
}

/** A busy machine comes too late to a proxy once or twice; a proxy that cuts by something else does so each time. */
const maxTries = 3;

/**
 * Begins both silences, waits until the one without settings is cut, and then hears the other to its end. The shorter
 * one is begun again where nothing was proven yet: it was cut before it was silent, or too soon for the default.
 * @throws Error that names what was not cut.
 */
export async function outlast(options: Outlast): Promise<Outcome> {
  // first: it is the older, and the one that lives
  await using longer = await beginSilence(options.held, options.bridge);
  const tooSoon = await cutTooSoon(options);
  return { tooSoon, woken: await longer.wake() };
}

/** @returns what was cut too soon, each time. */
async function cutTooSoon({ cut, bridge, seconds, cuts = everything }: Outlast): Promise<Outcome['tooSoon']> {
  for (let tried = 1; ; tried += 1) {
    const isLast = tried === maxTries;
    await using shorter = await beginSilence(cut, bridge).catch((error: unknown) => {
      if (isLast) throw error;
      return undefined;
    });
    if (shorter === undefined) continue;
    const lives = await shorter.cut(cuts, cutMs(seconds));
    // a quarter: the proxy's clock began when it sent, and ours when a busy machine had let us read
    const tooSoon = cuts.filter((name) => lives[name] < seconds * 250);
    if (tooSoon.length === 0 || isLast) return tooSoon;
  }
}
