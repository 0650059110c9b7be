/** What a turn was like for its client: counted while events come, told at the end. Pure. */
import { at, numberAt, textAt } from './json-path.ts';
import { type ProbeEvent, responseIdOf, type TurnEnd, turnEndOf } from './probe-event.ts';
import { toBytesText, toDurationText, toExcerpt } from './printable.ts';

/** Times in milliseconds since the request was sent; undefined for what did not happen. */
export interface TurnReport {
  readonly outcome: TurnEnd['outcome'] | 'interrupted';
  /** Why it did not complete. */
  readonly reason: string | undefined;
  readonly transport: 'websocket' | 'http';
  /** Opening the socket; undefined over HTTP, where it is part of the request. */
  readonly connectMs: number | undefined;
  readonly firstEventMs: number | undefined;
  readonly firstTextMs: number | undefined;
  readonly totalMs: number;
  readonly events: number;
  readonly bytes: number;
  readonly responseId: string | undefined;
  readonly model: string | undefined;
  readonly tokens: TokenReport | undefined;
}

export interface TokenReport {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

export class TurnObserver {
  readonly #transport: TurnReport['transport'];
  readonly #startedAt: number;
  readonly #connectMs: number | undefined;
  #firstEventAt: number | undefined;
  #firstTextAt: number | undefined;
  #events = 0;
  #bytes = 0;
  #sawDelta = false;
  #responseId: string | undefined;
  #model: string | undefined;
  #tokens: TokenReport | undefined;
  #end: TurnEnd | undefined;

  /** @param startedAt when the request was sent, on the clock of the events */
  constructor(transport: TurnReport['transport'], startedAt: number, connectMs?: number) {
    this.#transport = transport;
    this.#startedAt = startedAt;
    this.#connectMs = connectMs;
  }

  /** How many were taken. */
  get events(): number {
    return this.#events;
  }

  /** Takes an event. @returns the text to show for it; undefined if it is none */
  observe(event: ProbeEvent): string | undefined {
    this.#events += 1;
    this.#bytes += event.bytes;
    this.#firstEventAt ??= event.at;
    this.#responseId = responseIdOf(event) ?? this.#responseId;
    this.#model = textAt(event.json, 'response', 'model') ?? this.#model;
    this.#tokens = tokensOf(event) ?? this.#tokens;
    this.#end ??= turnEndOf(event);
    const text = this.#textOf(event);
    if (text !== undefined) this.#firstTextAt ??= event.at;
    return text;
  }

  /**
   * @param now the end, on the clock of the events
   * @param without why there was no event that ends the turn, if there was none
   */
  report(now: number, without: { outcome: 'broken' | 'interrupted'; reason: string }): TurnReport {
    const end = this.#end ?? without;
    const since = (moment: number | undefined): number | undefined =>
      moment === undefined ? undefined : moment - this.#startedAt;
    return {
      outcome: end.outcome,
      reason: end.outcome === 'completed' ? undefined : end.reason,
      transport: this.#transport,
      connectMs: this.#connectMs,
      firstEventMs: since(this.#firstEventAt),
      firstTextMs: since(this.#firstTextAt),
      totalMs: now - this.#startedAt,
      events: this.#events,
      bytes: this.#bytes,
      responseId: this.#responseId,
      model: this.#model,
      tokens: this.#tokens,
    };
  }

  #textOf(event: ProbeEvent): string | undefined {
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        this.#sawDelta = true;
        return textAt(event.json, 'delta');
      case 'response.output_item.done':
        // Providers that send no deltas: the whole text comes with its item.
        return this.#sawDelta ? undefined : itemText(at(event.json, 'item'));
      default:
        return undefined;
    }
  }
}

function itemText(item: unknown): string | undefined {
  const content = at(item, 'content');
  if (textAt(item, 'type') !== 'message' || !Array.isArray(content)) return undefined;
  const text = content.map((part: unknown) => textAt(part, 'text') ?? '').join('');
  return text === '' ? undefined : text;
}

function tokensOf(event: ProbeEvent): TokenReport | undefined {
  const usage = at(event.json, 'response', 'usage');
  const input = numberAt(usage, 'input_tokens');
  const output = numberAt(usage, 'output_tokens');
  if (input === undefined || output === undefined) return undefined;
  return {
    input,
    cached: numberAt(usage, 'input_tokens_details', 'cached_tokens') ?? 0,
    output,
    reasoning: numberAt(usage, 'output_tokens_details', 'reasoning_tokens') ?? 0,
  };
}

/** @returns the report as a few lines for a person, without a line feed at the end */
export function toReportText(report: TurnReport): string {
  const time = (name: string, ms: number | undefined): string =>
    ms === undefined ? `no ${name}` : `${name} ${toDurationText(ms)}`;
  const what = [report.outcome, report.responseId, report.model, `over ${report.transport}`];
  const times = [
    ...(report.connectMs === undefined ? [] : [time('connect', report.connectMs)]),
    time('first event', report.firstEventMs),
    time('first text', report.firstTextMs),
    time('total', report.totalMs),
  ];
  const { tokens } = report;
  const volume = [
    `${report.events} events`,
    toBytesText(report.bytes),
    tokens === undefined
      ? 'no token usage reported'
      : `tokens: ${tokens.input} in (${tokens.cached} cached), ${tokens.output} out (${tokens.reasoning} reasoning)`,
  ];
  const joined = (words: readonly (string | undefined)[]): string =>
    words
      .filter((word) => word !== undefined)
      .map((word) => toExcerpt(word))
      .join(' · ');
  return [joined(what), joined(times), joined(volume)].join('\n');
}
