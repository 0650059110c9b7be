/** A bridge process with small budgets, a provider for load, and clients; what is looked at is the process's memory. */
import type { RouteWishes } from '../harness/bridge.ts';
import { until } from '../harness/wait-for.ts';
import {
  type BridgeProcess,
  type BudgetMib,
  emptied,
  heldBytes,
  openBridgeProcess,
  toMib,
} from './bridge-process.ts';
import { type LoadClient, openLoadClients } from './load-clients.ts';
import { type LoadProvider, openLoadProvider } from './load-provider.ts';
import { residentBoundMib, type Served } from './resident-bound.ts';

export const MIB = 1024 * 1024;
/** Small ones: they are then full with little traffic. */
export const budgets: BudgetMib = { inbound: 48, clientSend: 48, transcripts: 48, answers: 48 };

export interface LoadScene extends AsyncDisposable {
  readonly provider: LoadProvider;
  readonly bridge: BridgeProcess;
  connect(count: number): Promise<LoadClient[]>;
  /** Bytes that the bridge counts in one place now. */
  held(place: 'client_send' | 'inbound' | 'answer'): Promise<number>;
  /** The most that was resident so far and the bound for what was served, in MiB. */
  peakAndBound(served: Served): Promise<{ readonly peak: number; readonly bound: number }>;
}

/** Left, every client goes, and then nothing may stay counted and no answer may be under way. */
export async function openLoadScene(
  name: string,
  { limits, ...route }: RouteWishes = {},
  inspect = false,
): Promise<LoadScene> {
  const provider = await openLoadProvider();
  const bridge = await openBridgeProcess({
    providerUrl: provider.url,
    budgets,
    // who does not read shall go on not reading, however long all the others take
    flags: ['--client-stall-timeout=300'],
    // to the bridge all of them are one client
    route: { ...route, limits: { maxConnectionsPerClient: 5_000, ...(limits as object) } },
    inspect,
  });
  const clients: LoadClient[] = [];
  return {
    provider,
    bridge,
    connect: async (count) => {
      const opened = await openLoadClients(bridge.socketUrl, count);
      clients.push(...opened);
      return opened;
    },
    held: async (place) => (await bridge.metrics()).get(`turnbridge_queued_bytes{place="${place}"}`) ?? 0,
    peakAndBound: async (served) => {
      const peak = toMib(await bridge.peak());
      const bound = residentBoundMib(served, budgets);
      tell(name, { peak, bound, now: toMib(await bridge.resident()), ...(await heldBytes(bridge)) });
      return { peak, bound };
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.leave();
      try {
        await emptied(bridge);
        await until(() => provider.underway === 0, 'the provider to be left alone');
        tell(name, { afterwards: toMib(await bridge.resident()) });
      } finally {
        await provider[Symbol.asyncDispose]();
        await bridge[Symbol.asyncDispose]();
      }
    },
  };
}

/** Prints figures where they are asked for, with TURNBRIDGE_LOAD_FIGURES=1. */
export function tell(name: string, figures: Record<string, number | string>): void {
  if (process.env['TURNBRIDGE_LOAD_FIGURES'] === undefined) return;
  const text = Object.entries(figures).map(([key, value]) => `${key} ${value}`);
  process.stdout.write(`${name}: ${text.join(', ')}\n`);
}

/** The figure once it has stood still for a second. */
export async function settledFigure(read: () => number | Promise<number>): Promise<number> {
  let last = -1;
  let since = performance.now();
  let settled = -1;
  await until(
    async () => {
      const now = await read();
      if (now !== last) since = performance.now();
      last = now;
      settled = now;
      return performance.now() - since > 1_000;
    },
    'a figure to stand still',
    60_000,
  );
  return settled;
}

/** A masked text frame's head that promises so many bytes; the mask is zero. */
function headOfFrame(bytes: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

/** Writes past the WebSocket library, so that a write holds what the test wants it to hold. */
function writeRaw({ ws }: LoadClient, bytes: Buffer): void {
  (ws as unknown as { readonly _socket: { write(bytes: Buffer): void } })._socket.write(bytes);
}

/** Sends the first so many MiB of a message that says it has twice as many. */
export function sendHalf(client: LoadClient, mib: number): void {
  writeRaw(client, headOfFrame(2 * mib * MIB));
  const part = Buffer.alloc(64 * 1024, 0x20);
  for (let n = 0; n < 16 * mib; n++) writeRaw(client, part);
}

/** Sends several messages in one write. */
export function sendTogether(client: LoadClient, messages: readonly string[]): void {
  const frames = messages.map((text) => Buffer.concat([headOfFrame(text.length), Buffer.from(text)]));
  writeRaw(client, Buffer.concat(frames));
}
