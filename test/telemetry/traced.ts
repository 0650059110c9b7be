/** A scene whose bridge sends its traces to a receiver of ours, and what can be asked of the spans that came. */
import type { BridgeOptions } from '../../src/bridge.ts';
import { openOtlpReceiver, type OtlpReceiver } from '../harness/otlp-receiver.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import { openScene, type Scene, type SceneWishes } from '../protocol/scene.ts';

export interface TracedWishes extends Omit<SceneWishes, 'telemetry'> {
  /** Share of traces that are kept. Left out: all. */
  readonly ratio?: number;
  readonly telemetry?: Omit<Partial<BridgeOptions['telemetry']>, 'tracing'>;
}

/**
 * Plays a scene and leaves it; the bridge sends what waits when it closes. One at a time in a test file: the tracer is
 * the process's.
 * @returns all spans, in the order in which they ended
 */
export async function traced(
  { ratio = 1, telemetry, ...wishes }: TracedWishes,
  play: (scene: Scene, receiver: OtlpReceiver) => Promise<void>,
): Promise<ReceivedSpan[]> {
  await using receiver = await openOtlpReceiver();
  {
    const tracing = { url: receiver.url, ratio };
    await using scene = await openScene({ ...wishes, telemetry: { ...telemetry, tracing } });
    await play(scene, receiver);
  }
  return [...receiver.spans];
}

/** The spans of one turn. */
export interface TurnTrace {
  readonly turn: ReceivedSpan;
  /** Undefined: it asked no provider. */
  readonly chat: ReceivedSpan | undefined;
  readonly attempt: ReceivedSpan | undefined;
  /** `upstream connect`. */
  readonly dial: ReceivedSpan | undefined;
  readonly admission: ReceivedSpan | undefined;
}

/** The one turn whose span is as wanted. Fails when there is none, or more than one. */
export function turnTrace(
  spans: readonly ReceivedSpan[],
  isWanted: (turn: ReceivedSpan) => boolean = () => true,
): TurnTrace {
  const found = turnsOf(spans).filter(isWanted);
  const [turn] = found;
  if (turn === undefined || found.length > 1)
    throw new Error(`${String(found.length)} turns are as wanted among ${namesOf(spans).join(', ')}`);
  const child = (parent: ReceivedSpan | undefined, name: RegExp): ReceivedSpan | undefined =>
    spans.find((span) => parent !== undefined && isChildOf(span, parent) && name.test(span.name));
  const chat = child(turn, /^chat /);
  const attempt = child(chat, /^POST /);
  return {
    turn,
    chat,
    attempt,
    dial: child(attempt, /^upstream connect$/),
    admission: child(turn, /^admission$/),
  };
}

/** Spans of turns and of warm-ups. */
export function turnsOf(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  return spans.filter((span) => 'turnbridge.turn.id' in span.attributes);
}

export function handshakesOf(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  return spans.filter((span) => 'turnbridge.handshake.result' in span.attributes);
}

export function isChildOf(span: ReceivedSpan, parent: ReceivedSpan): boolean {
  return span.traceId === parent.traceId && span.parentSpanId === parent.spanId;
}

export function namesOf(spans: readonly ReceivedSpan[]): string[] {
  return spans.map(({ name }) => name);
}

/** A trace of a client's: by its number, so that a test finds the turn that belongs to it. */
export function clientTrace(number: number, flags: '00' | '01' = '01') {
  const traceId = number.toString(16).padStart(32, 'a');
  const spanId = number.toString(16).padStart(16, 'b');
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

/** As the Codex CLI puts it into a frame. */
export function metadataWith(traceparent: string): { readonly client_metadata: Record<string, string> } {
  return { client_metadata: { ws_request_header_traceparent: traceparent } };
}
