/** What the presets for the two HAProxy controllers do to a socket, in front of a real bridge. */
import { describe, expect, test } from '@jest/globals';
import { openHaproxy } from './haproxy.ts';
import { communityTimeouts, controllerDefaults, technologiesTimeouts } from './haproxy-timeouts.ts';
import { cutMs, defaultSeconds, everything, outlast, outlasted, hasTrueTimeouts, testMs } from './outlast.ts';
import { allPassed, tryPassage } from './passage.ts';
import { openPinglessBridge } from './pingless-bridge.ts';
import { annotationsOf, renderPreset } from './rendered.ts';
import { beginSilence } from './silence.ts';
import { useBridge } from './use-bridge.ts';

/** `timeout server`: what waits for an answer. `timeout tunnel`, of a socket, is an hour. */
const seconds = defaultSeconds(50);
const timeouts = controllerDefaults({ idle: seconds, tunnel: hasTrueTimeouts ? 3_600 : seconds });
/** Nobody waits an hour: with the true defaults, what they do to sockets stays untried. */
const cuts = hasTrueTimeouts ? (['httpTurn'] as const) : everything;

const theBridge = useBridge();

const products = [
  ['HAProxy Technologies', 'haproxy', technologiesTimeouts],
  ['the HAProxy community', 'haproxy-community', communityTimeouts],
] as const;

describe.each(products)('the controller of %s', (_name, preset, translated) => {
  test(
    'holds silent sockets and turns past its timeouts with what the preset renders, and cuts them without',
    async () => {
      const backendTimeouts = translated(annotationsOf(await renderPreset(preset), 'Ingress'));
      const bridge = theBridge();
      await using held = await openHaproxy({ upstream: bridge, timeouts, backendTimeouts });
      await using cut = await openHaproxy({ upstream: bridge, timeouts });
      expect(await outlast({ held: held.way, cut: cut.way, bridge, seconds, cuts })).toEqual(outlasted);
    },
    testMs(seconds),
  );
});

test(
  'headers, messages of 16 MiB and the code 1012 pass',
  async () => {
    await using bridge = await openPinglessBridge();
    const unscaled = controllerDefaults({ idle: 50, tunnel: 3_600 });
    await using haproxy = await openHaproxy({ upstream: bridge, timeouts: unscaled });
    expect(await tryPassage(haproxy.way, bridge)).toEqual(allPassed);
  },
  testMs(0),
);

test(
  'a reload cuts what is open once hard-stop-after has passed, and nothing when there is none',
  async () => {
    const bridge = theBridge();
    const wishes = { upstream: bridge, timeouts: controllerDefaults({ idle: 3_700, tunnel: 3_700 }) };
    await using patient = await openHaproxy(wishes);
    await using hasty = await openHaproxy({ ...wishes, hardStopAfter: `${String(seconds)}s` });
    await using held = await beginSilence(patient.way, bridge);
    await using cut = await beginSilence(hasty.way, bridge);
    patient.reload();
    hasty.reload();
    await cut.cut(everything, cutMs(seconds));
    expect(await held.wake()).toEqual({ idleSocket: 'completed', turn: 'completed', httpTurn: 'completed' });
  },
  testMs(seconds),
);
