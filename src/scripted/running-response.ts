/** Plays one response over a WebSocket: what http-answer.ts is for HTTP. */
import type { Action } from './actions.ts';
import { htmlPage } from './http-answer.ts';
import { isPause, playPause } from './pause.ts';
import { isObject } from './request-view.ts';
import { ResponseWatch } from './response-memory.ts';
import type { ResponseFacts } from './response-object.ts';
import { isTerminal, openResponse, pausesOf } from './response-writer.ts';
import type { OpenResponse } from './response-writer.ts';
import type { Answer, JsonObject, StatusAnswer } from './script.ts';
import type { SocketWire } from './socket-wire.ts';

/** `ended`: with a terminal event, or an error instead of one; `broken`: the script broke off; `gone`: the client went. */
export type PlayEnd = 'ended' | 'broken' | 'gone';

export interface ResponseWatcher {
  /** Right before the event that ends it is sent. */
  ended(): void;
  /** Right before each text message is sent. */
  sent(text: string): void;
}

export class RunningResponse {
  readonly facts: ResponseFacts;
  readonly streamId: string | undefined;
  /** What is known of it so far. */
  readonly watch: ResponseWatch;
  private readonly answer: Answer;
  private readonly wire: SocketWire;
  private readonly response: OpenResponse;
  private readonly watcher: ResponseWatcher;
  private readonly stop = new AbortController();
  private hasEnded = false;
  private cutReason: string | undefined;

  constructor(
    answer: Answer,
    facts: ResponseFacts,
    streamId: string | undefined,
    wire: SocketWire,
    watcher: ResponseWatcher,
  ) {
    this.answer = answer;
    this.facts = facts;
    this.streamId = streamId;
    this.wire = wire;
    this.watcher = watcher;
    this.watch = new ResponseWatch(facts.responseId);
    this.response = openResponse(answer, facts);
  }

  /** Why it was cut, if it was. */
  get cutBecause(): string | undefined {
    return this.cutReason;
  }

  /** Ends it as incomplete, now. Nothing happens when its end has been said. */
  cut(reason: string): void {
    if (this.hasEnded) return;
    this.cutReason ??= reason;
    this.stop.abort();
  }

  /** An event beside the script's, with the next number. */
  async say(event: JsonObject): Promise<void> {
    await this.act(this.response.numbered(event));
  }

  /** Plays the answer to its end. Rejects for a mistake of the script. */
  async play(): Promise<PlayEnd> {
    const { status } = this.answer;
    if (status !== undefined) return this.playStatus(status);
    if (this.answer.form === 'html') {
      await this.wire.text(htmlPage);
      return 'broken';
    }
    const end = await this.playAll(this.response.actions);
    if (end !== 'cut') return end;
    for (const action of this.response.cut(this.cutReason ?? 'cut')) await this.act(action);
    return this.wire.gone.aborted ? 'gone' : 'ended';
  }

  private async playAll(actions: Iterable<Action>): Promise<PlayEnd | 'cut'> {
    for (const action of actions) {
      if (this.wire.gone.aborted) return 'gone';
      if (this.isCut()) return 'cut';
      // Who stalls after the terminal event has nothing to hold back.
      if (action.kind === 'stall' && this.hasEnded) break;
      if (isPause(action)) {
        if ((await this.pause(action)) === 'on') continue;
        if (action.kind === 'reset') return this.hasEnded ? 'ended' : 'broken';
        return this.wire.gone.aborted ? 'gone' : 'cut';
      }
      if (action.kind === 'end' && this.hasEnded) break;
      await this.act(action);
      if (action.kind === 'end' || action.kind === 'close') return this.hasEnded ? 'ended' : 'broken';
    }
    if (this.wire.gone.aborted && !this.hasEnded) return 'gone';
    return this.isCut() ? 'cut' : 'ended';
  }

  private isCut(): boolean {
    return this.cutReason !== undefined && !this.hasEnded;
  }

  private async pause(action: Parameters<typeof playPause>[0]): Promise<'over' | 'on'> {
    try {
      return await playPause(action, AbortSignal.any([this.wire.gone, this.stop.signal]), () =>
        this.wire.reset(),
      );
    } catch (error) {
      if (this.stop.signal.aborted || this.wire.gone.aborted) return 'over';
      throw error;
    }
  }

  /** Whatever is no pause. Comments and `open` have no meaning here. */
  private async act(action: Action): Promise<void> {
    if (action.kind === 'event') {
      const { event } = action;
      this.watch.see(event);
      if (isTerminal(event) && !this.hasEnded) {
        this.hasEnded = true;
        this.watcher.ended();
      }
      const { streamId } = this;
      await this.message(JSON.stringify(streamId === undefined ? event : { ...event, stream_id: streamId }));
    } else if (action.kind === 'raw') await this.message(action.text);
    else if (action.kind === 'binary') await this.wire.binary(Buffer.from(action.text));
    else if (action.kind === 'close') this.wire.close(action.code, action.reason);
    else if (action.kind === 'end') this.wire.close(1000, '');
  }

  private async message(text: string): Promise<void> {
    this.watcher.sent(text);
    await this.wire.text(text, this.answer.writeBytes);
  }

  private async playStatus(status: StatusAnswer): Promise<PlayEnd> {
    for (const pause of pausesOf(this.answer)) {
      if ((await this.pause(pause)) === 'on') continue;
      return pause.kind === 'reset' ? 'broken' : 'gone';
    }
    await this.act({ kind: 'event', event: statusEvent(status) });
    return this.wire.gone.aborted ? 'gone' : 'ended';
  }
}

/** What would be an HTTP answer with a status. */
function statusEvent({ code, headers, body }: StatusAnswer): JsonObject {
  const given = isObject(body) ? body['error'] : undefined;
  const message = typeof body === 'string' ? body : JSON.stringify(body ?? null);
  const type = code < 500 ? 'invalid_request_error' : 'server_error';
  return {
    type: 'error',
    status: code,
    error: given ?? { type, code: null, message, param: null },
    ...(headers === undefined ? {} : { headers }),
  };
}
