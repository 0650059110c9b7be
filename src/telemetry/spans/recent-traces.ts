/** What a turn is linked to: its connection's handshake, and the turn whose response it continues. */
import type { Link, SpanContext } from '@opentelemetry/api';
import type { TurnRecord } from '../../turn/facts.ts';

/**
 * Responses whose turns are remembered: a chain that goes on does so within minutes. Some 300 bytes each, or 1.3 kB with
 * the longest id that a response may have: 5 MiB at worst.
 */
const MAX_TURNS = 4_096;

export class RecentTraces {
  /** Handshakes, by connection, while it is open. */
  readonly #handshakes = new Map<string, SpanContext>();
  /** By tenant and response: an id that somebody else's response has leads nowhere. */
  readonly #turns = new Map<string, SpanContext>();

  opened(connectionId: string, context: SpanContext): void {
    this.#handshakes.set(connectionId, context);
  }

  handshakeOf(connectionId: string): SpanContext | undefined {
    return this.#handshakes.get(connectionId);
  }

  closed(connectionId: string): void {
    this.#handshakes.delete(connectionId);
  }

  turnEnded({ tenant, responseId }: TurnRecord, context: SpanContext): void {
    if (responseId === undefined) return;
    this.#turns.set(keyOf(tenant, responseId), context);
    for (const oldest of this.#turns.keys()) {
      if (this.#turns.size <= MAX_TURNS) break;
      this.#turns.delete(oldest);
    }
  }

  /** Only to what is kept: a link into nothing helps nobody. */
  linksOf({ connectionId, tenant, details }: TurnRecord): Link[] {
    const links: Link[] = [];
    const add = (context: SpanContext | undefined, what: string): void => {
      if (context !== undefined && (context.traceFlags & 1) === 1)
        links.push({ context, attributes: { 'turnbridge.link': what } });
    };
    add(this.#handshakes.get(connectionId), 'connection');
    if (details?.previousResponseId !== undefined)
      add(this.#turns.get(keyOf(tenant, details.previousResponseId)), 'previous_response');
    return links;
  }
}

/** A tenant's name has no line break. */
function keyOf(tenant: string, responseId: string): string {
  return `${tenant}\n${responseId}`;
}
