/** What scrape.test.ts asks about: bridges with traffic, an operator, and the Prometheus that scrapes them. */
import { fakeProvider } from '../harness/fake-provider.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import { openOtlpReceiver, type OtlpReceiver } from '../harness/otlp-receiver.ts';
import { until, within } from '../harness/wait-for.ts';
import { openBridgeProcess, type BridgeProcess } from '../load/bridge-process.ts';
import { openStage } from '../operator/operator-stage.ts';
import { openSnapshotScene } from '../protocol/snapshot-scene.ts';
import { good, mountPair } from '../protocol/tls-scene.ts';
import { everyAnswer, everyRoute, playRound, withoutSockets } from './every-outcome.ts';
import { openPrometheus, type Prometheus } from './prometheus.ts';
import { rulesText } from './shipped.ts';

/** Owns all of it. */
export interface ScrapedWorld extends AsyncDisposable {
  /** Takes the spans that exemplars lead to. */
  readonly receiver: OtlpReceiver;
  readonly bridge: BridgeProcess;
  readonly prometheus: Prometheus;
  readonly traffic: Traffic;
}

/** Rounds, one after the other. */
export interface Traffic {
  /** What ended it early: there will be no more data. */
  failure(): Error | undefined;
  /** Resolves with the end of the round that runs; rejects with what ended it early. */
  stop(): Promise<void>;
}

/** Of one part of the world, on a loaded machine; each takes a second or two. */
const partTimeoutMs = 60_000;
/** There are seven parts, each of which says itself that it did not open. */
export const openTimeoutMs = 8 * partTimeoutMs;
/** The round that runs is waited for. */
export const closeTimeoutMs = 180_000;

type OpenPart = <T>(name: string, opening: Promise<T>, close: (part: T) => Promise<void>) => Promise<T>;

/** Waits for a part, which is closed with `opened`, or when it is there after all. @throws Error that names it */
async function openPart<T>(
  opened: AsyncDisposableStack,
  name: string,
  opening: Promise<T>,
  close: (part: T) => Promise<void>,
): Promise<T> {
  try {
    return opened.adopt(await within(opening, 'it to open', partTimeoutMs), close);
  } catch (cause) {
    void opening.then(close, () => undefined);
    throw new Error(`${name} did not open: ${(cause as Error).message}`, { cause });
  }
}

const disposed = (owner: AsyncDisposable): Promise<void> => Promise.resolve(owner[Symbol.asyncDispose]());
const closed = (owner: { close(): Promise<void> }): Promise<void> => owner.close();

/** Opens all of it, and begins the traffic. @throws Error that names the part that did not open */
export async function openScrapedWorld(): Promise<ScrapedWorld> {
  await using opened = new AsyncDisposableStack();
  const part: OpenPart = (name, opening, close) => openPart(opened, name, opening, close);
  const receiver = await part('the receiver of spans', openOtlpReceiver(), closed);
  const other = await part('the second provider', fakeProvider('hello', withoutSockets), closed);
  const provider = await part('the provider', fakeProvider(everyAnswer, { webSocket: 'on' }), closed);
  const route = everyRoute([provider.url, other.url]);
  const bridgeStart = openBridgeProcess({
    providerUrl: provider.url,
    budgets: { inbound: 64, clientSend: 64, transcripts: 64, answers: 64 },
    route,
    flags: ['--ping-interval=1', '--client-send-buffer=64', `--otlp-endpoint=${receiver.baseUrl}`],
  });
  const bridge = await part('the bridge', bridgeStart, disposed);
  const target = hostOf(bridge.opsUrl);
  const pair = await part('a certificate', mountPair(good), disposed);
  // gets its routes from an operator's Secret, and speaks TLS
  const watching = await part(
    'a bridge with a snapshot',
    openSnapshotScene({ tlsFolder: pair.path }),
    disposed,
  );
  const operator = await part('the operator', openStage(), disposed);
  operator.route('test');
  const prometheusStart = openPrometheus({
    scrape: {
      turnbridge: { targets: [target], intervalMs: 1_000 },
      'turnbridge-metrics': {
        targets: [target],
        intervalMs: 1_000,
        labels: { namespace: 'agents', pod: 'turnbridge-1' },
      },
      'turnbridge-watching': { targets: [hostOf(watching.bridge.opsUrl)], intervalMs: 1_000 },
      'turnbridge-operator': {
        targets: [operator.operator.opsAddress],
        intervalMs: 1_000,
        labels: { namespace: 'agents', pod: 'turnbridge-operator-1' },
      },
    },
    rules: [rulesText()],
    evaluationIntervalMs: 1_000,
  });
  const prometheus = await part('Prometheus', prometheusStart, closed);
  const traffic = beginTraffic(bridge, route);
  opened.defer(() => traffic.stop());
  const all = opened.move();
  return { receiver, bridge, prometheus, traffic, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function beginTraffic(bridge: BridgeProcess, route: RouteWishes): Traffic {
  const over = new AbortController();
  let failure: Error | undefined;
  const play = async (): Promise<void> => {
    await refuseOneConfiguration(bridge, route);
    while (!over.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- a round after the other
      await playRound(bridge);
    }
  };
  const running = play().catch((error: unknown) => {
    failure = error as Error;
  });
  return {
    failure: () => failure,
    stop: async () => {
      over.abort();
      await running;
      if (failure !== undefined) throw failure;
    },
  };
}

function hostOf(url: string): string {
  return url.replace('http://', '');
}

async function refuseOneConfiguration(bridge: BridgeProcess, route: RouteWishes): Promise<void> {
  await bridge.setRoute({ ...route, timeouts: { firstEventSeconds: -1 } });
  const failures = 'turnbridge_config_reloads_total{result="failure"}';
  await until(
    async () => (await bridge.metrics()).get(failures) === 1,
    'a configuration to be refused',
    30_000,
  );
  await bridge.setRoute(route);
}
