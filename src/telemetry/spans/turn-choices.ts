/** What was chosen between providers and transports while a turn ran: an event of its span, so that one sees when. */
import type { TurnFact } from '../../turn/facts.ts';
import type { SpanAttributes } from './attribute-names.ts';

export type Choice = Extract<
  TurnFact,
  { kind: 'turn.failover' | 'turn.failover-denied' | 'turn.transport-fallback' }
>;

/** At most one for each attempt, and one more. */
export function choiceEvent(choice: Choice): { readonly name: string; readonly attributes: SpanAttributes } {
  switch (choice.kind) {
    case 'turn.failover':
      return {
        name: 'failover',
        attributes: {
          'turnbridge.failover.from': choice.from,
          'turnbridge.failover.to': choice.to,
          'turnbridge.failover.reason': choice.cause,
        },
      };
    case 'turn.failover-denied':
      return {
        name: 'failover_denied',
        attributes: {
          'turnbridge.failover.from': choice.provider,
          'turnbridge.failover.reason': choice.reason,
        },
      };
    case 'turn.transport-fallback':
      return {
        name: 'transport_fallback',
        attributes: {
          'turnbridge.provider': choice.provider,
          'turnbridge.transport.reason': choice.reason,
        },
      };
  }
}
