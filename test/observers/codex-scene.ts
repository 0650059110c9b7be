/** The real Codex, a bridge in a process of its own and a scripted provider; Codex and the bridge export to one Jaeger. */
import { openClientTap, type ClientTap } from '../clients/client-tap.ts';
import { openCodexHome, type CodexHome, type CodexHomeOptions } from '../clients/codex-home.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { openBridgeProcess, type BridgeProcess } from '../load/bridge-process.ts';
import type { AnswerFunction } from '../../src/scripted/script.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import type { Jaeger } from './jaeger.ts';
import { childrenOf, parentOf, type ObservedSpan, type ObservedTrace } from './jaeger-trace.ts';

export interface CodexSceneWishes {
  readonly jaeger: Jaeger;
  readonly script: AnswerFunction;
  readonly route?: RouteWishes;
  readonly home?: Omit<CodexHomeOptions, 'baseUrl' | 'tracesUrl'>;
  /** Further flags of `turnbridge bridge`. */
  readonly flags?: readonly string[];
}

/** Leaves Codex to the test: start it in `home`, after this, so that it ends before. */
export interface CodexScene extends AsyncDisposable {
  readonly home: CodexHome;
  readonly bridge: BridgeProcess;
  readonly tap: ClientTap;
  /** What the n-th turn's frame, from 1, says of Codex's trace; waits for the frame. Warm-ups are not counted. */
  traceOfTurn(number: number): Promise<CodexTrace>;
}

/** Codex's span that a frame names as its parent. */
export interface CodexTrace {
  readonly traceId: string;
  readonly spanId: string;
}

const model = 'gpt-5.5';

/** Opens the bridge, its provider and a home for Codex. */
export async function openCodexScene(wishes: CodexSceneWishes): Promise<CodexScene> {
  await using opened = new AsyncDisposableStack();
  const provider = opened.use(await fakeProvider(wishes.script));
  const bridge = opened.use(
    await openBridgeProcess({
      providerUrl: provider.url,
      budgets: { inbound: 64, clientSend: 64, transcripts: 64, answers: 64 },
      route: { match: { models: [wishes.home?.model ?? model] }, ...wishes.route },
      flags: [`--otlp-endpoint=${wishes.jaeger.otlpUrl}`, ...(wishes.flags ?? [])],
    }),
  );
  const tap = opened.use(await openClientTap(Number(new URL(bridge.url).port)));
  const home = opened.use(
    await openCodexHome({
      model,
      ...wishes.home,
      baseUrl: tap.url,
      tracesUrl: `${wishes.jaeger.otlpUrl}/v1/traces`,
    }),
  );
  const owned = opened.move();
  return {
    home,
    bridge,
    tap,
    traceOfTurn: (number) =>
      until(() => framesOfTurns(tap)[number - 1], `the frame of turn ${number}`, 20_000).then(toTrace),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Frame = ClientTap['sockets'][number]['frames'][number];

function framesOfTurns(tap: ClientTap): readonly Frame[] {
  return tap.sockets
    .flatMap(({ frames }) => frames)
    .filter(({ type, generate }) => type === 'response.create' && generate !== false);
}

/** @throws Error when the frame does not say. */
export function toTrace(frame: Frame): CodexTrace {
  const metadata = frame['client_metadata'] as Record<string, unknown> | undefined;
  const header = String(metadata?.['ws_request_header_traceparent']);
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined) {
    throw new Error(`Codex names no trace in its frame: ${header}`);
  }
  return { traceId, spanId };
}

/** What the bridge and Codex say of one turn. */
export interface TurnSpans {
  /** Codex's own, which the frame named. */
  readonly codex: ObservedSpan;
  readonly turn: ObservedSpan;
  readonly chat: ObservedSpan;
  readonly attempts: readonly ObservedSpan[];
}

/** Waits until Jaeger has all spans of a turn that made an attempt, Codex's among them. */
export async function spansOfTurn(
  jaeger: Jaeger,
  { traceId, spanId }: CodexTrace,
): Promise<TurnSpans & { readonly trace: ObservedTrace }> {
  const trace = await jaeger.waitForTrace(traceId, (seen) => partsOf(seen, spanId) !== undefined);
  const parts = partsOf(trace, spanId);
  if (parts === undefined) throw new Error('spans that had arrived are gone');
  return { trace, ...parts };
}

function partsOf(trace: ObservedTrace, codexSpanId: string): TurnSpans | undefined {
  const codex = trace.spans.find(({ spanId }) => spanId === codexSpanId);
  const turn = trace.spans.find(
    ({ parentId, service }) => parentId === codexSpanId && service === 'turnbridge',
  );
  const chat = turn && childrenOf(trace, turn).find(({ name }) => name.startsWith('chat '));
  const attempts = chat && childrenOf(trace, chat);
  if (codex === undefined || turn === undefined || chat === undefined || attempts === undefined) return;
  return attempts.length === turn.attributes['turnbridge.attempts']
    ? { codex, turn, chat, attempts }
    : undefined;
}

/** The spans from this one up to the last whose parent has arrived. */
export function lineage(trace: ObservedTrace, span: ObservedSpan): readonly ObservedSpan[] {
  const above = parentOf(trace, span);
  return [span, ...(above === undefined ? [] : lineage(trace, above))];
}
