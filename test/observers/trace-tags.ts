/** The few attributes of our spans that a picture has room for, as a person says them. */
import { formatUs } from './format-us.ts';
import type { ObservedSpan } from './jaeger-trace.ts';

/** A word and its value. */
export type Tag = readonly [name: string, value: string];

type Form = (value: unknown) => string;

const seconds: Form = (value) => formatUs(Number(value) * 1_000_000);
const count: Form = (value) => Number(value).toLocaleString('en');
/** Of closed sets, or numbers. */
const word: Form = (value) => String(value);
const words: Form = (value) => String(value).replaceAll('_', ' ');
const yes: Form = () => 'yes';
/** A list as Jaeger gives it: JSON in a string. */
const list: Form = (value) => (JSON.parse(String(value)) as readonly string[]).join(', ');

/** In the order in which they are shown. An attribute that is not here is in no picture. */
const shownAttributes: readonly (readonly [attribute: string, name: string, form: Form])[] = [
  ['turnbridge.outcome', 'outcome', word],
  ['turnbridge.overhead.duration', 'overhead', seconds],
  ['turnbridge.time_to_first_event', 'first event', seconds],
  ['turnbridge.time_to_first_output', 'first output', seconds],
  ['turnbridge.continuation', 'continuation', word],
  ['turnbridge.failover', 'failed over', yes],
  ['turnbridge.transport.fallback', 'fell back to HTTP', yes],
  ['gen_ai.usage.input_tokens', 'input', count],
  ['gen_ai.usage.cache_read.input_tokens', 'cached', count],
  ['gen_ai.usage.output_tokens', 'output', count],
  ['gen_ai.usage.reasoning.output_tokens', 'reasoning', count],
  ['gen_ai.response.finish_reasons', 'finish', list],
  ['peer.service', 'provider', word],
  ['http.response.status_code', 'status', word],
  ['turnbridge.provider.connection', 'connection', word],
  ['turnbridge.time_to_headers', 'headers', seconds],
  ['turnbridge.stream.events', 'events', count],
  ['turnbridge.attempt.reason', 'because of', words],
  ['turnbridge.transport.reason', 'no WebSocket', words],
  ['turnbridge.connect.tcp', 'tcp', seconds],
  ['turnbridge.connect.tls', 'tls', seconds],
  ['turnbridge.connect.upgrade', 'upgrade', seconds],
  ['error.type', 'error', word],
];

/** Those that both turn and attempt have: each is shown once. */
const ofTurnAlone = new Set(['turnbridge.time_to_first_event']);
const ofAttemptAlone = new Set(['turnbridge.stream.events', 'http.response.status_code']);

/** What goes without saying; and of a fall back the reason of its transport says more. */
const unsaid = new Set(['first', 'configured', 'preferred', 'dialect', 'none', 'transport_fallback']);

/** Of one of our spans. */
export function toTags({ attributes, kind }: ObservedSpan): readonly Tag[] {
  const isTurn = kind === 'server';
  return shownAttributes
    .filter(([attribute]) => attributes[attribute] !== undefined)
    .filter(([attribute]) => !unsaid.has(String(attributes[attribute])))
    .filter(([attribute]) => !(isTurn ? ofAttemptAlone : ofTurnAlone).has(attribute))
    .map(([attribute, name, form]) => [name, form(attributes[attribute])]);
}
