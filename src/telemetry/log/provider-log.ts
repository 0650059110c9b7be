/** What was chosen between providers and transports, as log lines. What may repeat with every turn is limited. */
import type { TurnFact } from '../../turn/facts.ts';
import type { Log } from './log.ts';
import { turnFields } from './turn-fields.ts';

/** Facts of which {@link logChoice} makes lines. */
export type ChoiceFact = Extract<
  TurnFact,
  {
    kind:
      | 'turn.failover'
      | 'turn.failover-denied'
      | 'turn.transport-fallback'
      | 'provider.ejected'
      | 'provider.returned'
      | 'provider.rate-limit';
  }
>;

/** Writes the line of such a fact, if it has one. */
export function logChoice(log: Log, fact: ChoiceFact): void {
  switch (fact.kind) {
    case 'turn.failover': {
      const { turn, from, to, cause } = fact;
      const key = `failover:${turn.route}/${from}/${to}:${cause}`;
      log.warnRepeated(key, 'turn.failover', 'turn goes on to another provider', {
        ...turnFields(turn),
        from,
        to,
        cause,
      });
      return;
    }
    case 'turn.failover-denied':
      logDenial(log, fact);
      return;
    case 'turn.transport-fallback':
      logFallback(log, fact);
      return;
    case 'provider.ejected':
      log.warnRepeated(
        `ejected:${fact.route}/${fact.provider}:${fact.why}`,
        'provider.ejected',
        'provider is left alone while there is another',
        { route: fact.route, provider: fact.provider, why: fact.why, for_ms: Math.round(fact.forMs) },
      );
      return;
    case 'provider.returned':
      log.info('provider.returned', 'provider answers again', {
        route: fact.route,
        provider: fact.provider,
      });
      return;
    case 'provider.rate-limit':
      return; // a gauge tells it
  }
}

/** A route with a single provider has nobody else to ask: that is as it should be, and the failed attempt has its own line. */
function logDenial(log: Log, fact: Extract<ChoiceFact, { kind: 'turn.failover-denied' }>): void {
  const { turn, provider, providers, reason } = fact;
  const fields = { ...turnFields(turn), provider, reason };
  const msg = 'no other provider was asked';
  if (providers < 2) log.debug('turn.failover_denied', msg, fields);
  else
    log.warnRepeated(
      `failover_denied:${turn.route}/${provider}:${reason}`,
      'turn.failover_denied',
      msg,
      fields,
    );
}

/**
 * Only where this turn found it out: what is known beforehand (no WebSocket there, a request too large for one) is as
 * it should be, and would be said with every turn.
 */
function logFallback(log: Log, fact: Extract<ChoiceFact, { kind: 'turn.transport-fallback' }>): void {
  const { turn, provider, known, reason } = fact;
  const fields = { ...turnFields(turn), provider, reason };
  const msg = 'turn travels over HTTP instead of WebSocket';
  if (known === 'beforehand') log.debug('turn.transport_fallback', msg, fields);
  else
    log.warnRepeated(`fallback:${turn.route}/${provider}:${reason}`, 'turn.transport_fallback', msg, fields);
}
