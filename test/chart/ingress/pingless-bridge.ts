/**
 * What stands behind a proxy here: a bridge in a process of its own that sends nothing of its own accord, neither
 * pings nor keep-alives, and a scripted provider whose answers are silent in their middle for as long as a test wants.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { routeTo } from '../../harness/bridge.ts';
import { gate, type Gate } from '../../harness/fake-provider.ts';
import { until } from '../../harness/wait-for.ts';
import { startProduct } from '../../cluster/product-process.ts';
import { toFlags } from './flags.ts';
import { openScriptedProvider, type ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import type { RecordedRequest } from '../../../src/scripted/recorded-request.ts';
import type { AnswerLike } from '../../../src/scripted/script.ts';

export interface PinglessBridge extends AsyncDisposable {
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  readonly provider: ScriptedProvider;
  /** A model whose answer says `before`, is silent until `wake`, then says `after`. */
  silentModel(): SilentModel;
  /** SIGTERM: idle clients are closed at once. Resolves when it has ended, with its exit code. */
  drain(): Promise<number | string>;
  close(): Promise<void>;
}

export interface SilentModel {
  readonly model: string;
  readonly wake: () => void;
}

/** What a model's answer has before and after its silence. */
export const SILENT_TEXT = { before: 'before', after: 'after' };

/** A model whose answer is one text of so many bytes. */
export function largeModel(bytes: number): string {
  return `large-${String(bytes)}`;
}

/** An hour, the most: nothing but the proxy may end a silence, whichever is tested. */
const timeouts = { firstEventSeconds: 3_600, idleSeconds: 3_600, turnDeadlineSeconds: 3_600 };
/** Above the 16 MiB that proxies are tried with. */
const limits = { maxMessageBytes: 64 * 1024 * 1024 };

/** It takes half a second; this is for a machine that does much else. */
const startMs = 100_000;

/** Starts both. `host`: loopback, or an address that an API server takes as an endpoint. */
export async function openPinglessBridge(host = '127.0.0.1'): Promise<PinglessBridge> {
  const gates = new Map<string, Gate>();
  const provider = await openScriptedProvider({ script: (request) => answerTo(request, gates) });
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-ingress-'));
  const routes = join(folder, 'routes.yaml');
  // the client's own key goes on: what the provider sees has passed the proxy
  await writeFile(
    routes,
    routeTo(provider.url, {
      clients: { auth: { type: 'Passthrough' } },
      provider: { auth: { type: 'Passthrough' } },
      timeouts,
      limits,
    }),
  );
  const flags = toFlags({
    routes,
    listen: `${host}:0`,
    'ops-listen': `${host}:0`,
    'ping-interval': 0,
    'keepalive-interval': 0,
    'drain-delay': 0,
    'drain-spread': 0,
    'drain-linger': 0,
  });
  const bridge = startProduct(['bridge', ...flags]);
  const close = async (): Promise<void> => {
    await bridge.close();
    await provider.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { listen, ops_listen: ops } = await bridge.line('process.start', startMs);
    await until(
      () =>
        fetch(`http://${String(ops)}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      'the bridge to be ready',
      startMs,
    );
    return {
      host,
      port: Number(String(listen).split(':').at(-1)),
      provider,
      silentModel() {
        const model = `silent-${String(gates.size)}`;
        const held = gate();
        gates.set(model, held);
        return { model, wake: () => held.open() };
      },
      drain() {
        bridge.kill('SIGTERM');
        return bridge.ended;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function answerTo({ body }: RecordedRequest, gates: ReadonlyMap<string, Gate>): AnswerLike {
  const model = String(body.model);
  const held = gates.get(model);
  const { before, after } = SILENT_TEXT;
  if (held !== undefined) return [{ text: before }, { until: held.promise }, { text: after }];
  const bytes = /^large-(\d+)$/.exec(model)?.[1];
  if (bytes !== undefined) return [{ text: 'x'.repeat(Number(bytes)), chunkBytes: Number(bytes) }];
  if (model === 'sticky') return { headers: { 'x-codex-turn-state': 'sticky' }, steps: [{ text: after }] };
  return 'hello';
}
