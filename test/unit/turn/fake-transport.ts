/** A provider by hand: attempts that the test answers, and sockets that remember what it says. */
import { eventTypeOf } from '../../../src/events/event-type.ts';
import type {
  Attempt,
  AttemptEnd,
  AttemptListener,
  AttemptRequest,
  ProviderSockets,
  ProviderTransport,
  RelayAnswer,
  SendResult,
} from '../../../src/provider/provider.ts';
import type { Tunnel } from '../../../src/provider/tunnel.ts';

type Json = Record<string, unknown>;

export function assistant(text: string): Json {
  return { type: 'message', id: `msg_${text}`, role: 'assistant', content: [{ type: 'output_text', text }] };
}

/** One attempt, answered by the test. Like the real one it says nothing once it was aborted or released. */
export class FakeAttempt implements Attempt {
  readonly request: AttemptRequest;
  readonly #listener: AttemptListener;
  isPaused = false;
  state: 'running' | 'aborted' | 'released' | 'ended' = 'running';

  constructor(request: AttemptRequest, listener: AttemptListener) {
    this.request = request;
    this.#listener = listener;
  }

  /** The request's body, parsed. */
  get body(): Json {
    const text = Buffer.concat(this.request.body).toString();
    if (Buffer.byteLength(text) !== this.request.bodyBytes) throw new Error('bodyBytes is wrong');
    return JSON.parse(text) as Json;
  }

  get input(): unknown {
    return this.body['input'];
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  abort(): void {
    if (this.state === 'running') this.state = 'aborted';
  }

  /** As the turn told it when it had all it needed. */
  releasedWith: string | undefined;

  release(responseId?: string): void {
    if (this.state !== 'running') return;
    this.state = 'released';
    this.releasedWith = responseId;
  }

  /** Frames that were passed on. */
  readonly frames: Buffer[] = [];

  /** Its socket takes no more for a while. */
  isFull = false;

  send(frame: Buffer): SendResult {
    if (this.state !== 'running' || this.request.transport === 'http') return 'no';
    if (this.isFull) return 'full';
    this.frames.push(frame);
    return 'sent';
  }

  answer(turnState?: string): this {
    if (this.state === 'running') {
      this.#listener.onAnswer({
        status: 200,
        httpVersion: '1.1',
        headers: { 'x-request-id': 'req_1' },
        turnState,
      });
    }
    return this;
  }

  event(event: Json | Buffer): this {
    const payload = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
    if (this.state === 'running') this.#listener.onEvent(payload, eventTypeOf(payload));
    return this;
  }

  created(id: string): this {
    return this.event({
      type: 'response.created',
      sequence_number: 0,
      response: { id, status: 'in_progress' },
    });
  }

  delta(sequence = 1): this {
    return this.event({ type: 'response.output_text.delta', sequence_number: sequence, delta: 'x' });
  }

  item(item: Json, index = 0): this {
    return this.event({
      type: 'response.output_item.done',
      sequence_number: index + 2,
      output_index: index,
      item,
    });
  }

  complete(id: string, changes: Json = {}): this {
    const response = { id, status: 'completed', output: [], usage: null, ...changes };
    return this.event({ type: 'response.completed', sequence_number: 9, response });
  }

  /** A whole answer: one message. */
  say(id: string, text: string): this {
    return this.answer().created(id).item(assistant(text)).complete(id);
  }

  end(end: AttemptEnd): this {
    if (this.state === 'running') {
      this.state = 'ended';
      this.#listener.onEnd(end);
    }
    return this;
  }

  refuse(status: number, error: Json, headers: Record<string, string> = {}): this {
    return this.end({
      kind: 'refused',
      phase: 'request',
      status,
      httpVersion: '1.1',
      headers,
      body: Buffer.from(JSON.stringify({ error })),
    });
  }
}

export class FakeTransport implements ProviderTransport {
  readonly attempts: FakeAttempt[] = [];

  open(request: AttemptRequest, listener: AttemptListener): FakeAttempt {
    const attempt = new FakeAttempt(request, listener);
    this.attempts.push(attempt);
    return attempt;
  }

  get last(): FakeAttempt {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) throw new Error('no attempt was made');
    return attempt;
  }

  get running(): readonly FakeAttempt[] {
    return this.attempts.filter(({ state }) => state === 'running');
  }

  /** Responses that a free socket to a provider remembers: `provider:id`. */
  readonly held = new Set<string>();
  readonly sockets: ProviderSockets = {
    holds: ({ provider }, responseId) => this.held.has(`${provider.name}:${responseId}`),
    close: () => undefined,
  };

  openSockets(): ProviderSockets {
    return this.sockets;
  }

  openTunnel(): Promise<Tunnel> {
    throw new Error('a turn opens no tunnel');
  }

  relay(): Promise<RelayAnswer> {
    throw new Error('a turn relays nothing');
  }

  async close(): Promise<void> {}
}
