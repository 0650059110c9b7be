/** What the spans towards a provider say: the inference as a whole, each attempt, each connection that was dialled. */
import { SpanStatusCode, type SpanStatus } from '@opentelemetry/api';
import type { AttemptRecord, DialRecord, TurnRecord } from '../../turn/facts.ts';
import { genaiProviderName } from '../genai-provider.ts';
import type { Semconv } from '../names.ts';
import { isFailed } from '../is-failed.ts';
import { providerId } from '../provider-id.ts';
import type { SpanAttributes } from './attribute-names.ts';
import { isAborted, secondsFrom } from './turn-attributes.ts';

/** The one span with `gen_ai` attributes: on two of them, tools would count tokens twice. */
export function inferenceAttributes(
  turn: TurnRecord,
  attempt: AttemptRecord,
  semconv: Semconv,
): SpanAttributes {
  const { details } = turn;
  const { host, port } = serverOf(attempt.origin);
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': genaiProviderName(attempt.provider, attempt.origin),
    'gen_ai.request.model': details?.providerModel ?? turn.model,
    'server.address': host,
    'server.port': port,
    'openai.api.type': 'responses',
    'gen_ai.request.stream': true,
    'gen_ai.conversation.id': turn.session,
    ...(semconv === 'latest' && {
      'gen_ai.conversation.compacted': details?.requestKind === 'compaction' ? true : undefined,
      'gen_ai.request.previous_response.id': details?.previousResponseId,
      'gen_ai.request.reasoning.level': details?.reasoningLevel,
    }),
    'gen_ai.request.max_tokens': details?.maxOutputTokens,
    'gen_ai.request.temperature': details?.temperature,
    'gen_ai.request.top_p': details?.topP,
    'gen_ai.output.type': details?.asksForJson === true ? 'json' : undefined,
    'openai.request.service_tier': details?.serviceTier === 'auto' ? undefined : details?.serviceTier,
    'gen_ai.response.id': providerId(turn.responseId),
    'gen_ai.response.model': turn.responseModel,
    'gen_ai.response.finish_reasons': [turn.finishReason ?? 'error'],
    'gen_ai.response.time_to_first_chunk': secondsFrom(attempt.startedAt, attempt.firstEventAt),
    'openai.response.service_tier': turn.responseTier,
    ...usageAttributes(turn, semconv),
    'turnbridge.attempts': turn.attempts,
    'error.type': inferenceFailed(turn) ? (turn.errorType ?? '_OTHER') : undefined,
  };
}

/** Counts of parts (cached, written, reasoning) are contained in the totals. */
function usageAttributes({ usage }: TurnRecord, semconv: Semconv): SpanAttributes {
  if (usage === undefined) return {};
  const written = usage.cacheWriteTokens > 0 ? usage.cacheWriteTokens : undefined;
  return {
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens,
    // never both: tools that add up what they find would count them twice
    [semconv === 'latest'
      ? 'gen_ai.usage.cache_write.input_tokens'
      : 'gen_ai.usage.cache_creation.input_tokens']: written,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens,
  };
}

/** The operation as a whole failed, for whatever reason but that nobody wanted it any more. */
export function inferenceFailed({ outcome }: TurnRecord): boolean {
  return (
    outcome !== 'completed' && outcome !== 'incomplete' && (outcome === undefined || !isAborted(outcome))
  );
}

export function attemptAttributes(attempt: AttemptRecord): SpanAttributes {
  const { host, port } = serverOf(attempt.origin);
  const isSocket = attempt.transport === 'websocket';
  return {
    // both names: tools look for the older one
    'peer.service': attempt.provider,
    'service.peer.name': attempt.provider,
    'server.address': host,
    'server.port': port,
    'http.request.method': isSocket ? undefined : 'POST',
    'url.full': (isSocket ? attempt.origin.replace(/^http/, 'ws') : attempt.origin) + attempt.path,
    'turnbridge.attempt': attempt.number,
    'turnbridge.attempt.reason': attempt.reason,
    'turnbridge.transport': attempt.transport,
    'turnbridge.transport.reason': attempt.transportReason,
    'turnbridge.provider': attempt.provider,
    'network.protocol.name': attempt.transport,
    'network.protocol.version': isSocket ? '13' : attempt.httpVersion,
    'http.response.status_code': httpStatusOf(attempt),
    'turnbridge.provider.connection': connectionOf(attempt),
    'turnbridge.provider.request_id': providerId(attempt.requestId),
    'turnbridge.time_to_headers': secondsFrom(attempt.startedAt, attempt.answeredAt),
    'turnbridge.time_to_first_event': secondsFrom(attempt.startedAt, attempt.firstEventAt),
    'turnbridge.stream.events': attempt.events,
    'turnbridge.retry_after': attempt.retryAfterS,
    'turnbridge.provider.close_code': attempt.closeCode,
    'error.type': isFailed(attempt) ? (attempt.errorType ?? '_OTHER') : undefined,
  };
}

/** Over a WebSocket there is one where the upgrade was refused; a 101 is no answer to this turn, and an event's is not HTTP's. */
function httpStatusOf({ transport, answeredAt, events, status }: AttemptRecord): number | undefined {
  if (transport === 'websocket') return status === 101 || events > 0 ? undefined : status;
  return answeredAt === undefined ? undefined : status;
}

/** Undefined where it never came to one, as far as we know. */
function connectionOf({ dial, answeredAt }: AttemptRecord): 'new' | 'reused' | undefined {
  if (dial !== undefined) return 'new';
  return answeredAt === undefined ? undefined : 'reused';
}

/** Whosever fault it was: a refused request is an error on the span of an HTTP client. */
export function attemptStatus(attempt: AttemptRecord): SpanStatus {
  return { code: isFailed(attempt) ? SpanStatusCode.ERROR : SpanStatusCode.UNSET };
}

export function dialAttributes(origin: string, dial: DialRecord): SpanAttributes {
  const { host, port } = serverOf(origin);
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return {
    'server.address': host,
    'server.port': port,
    'network.transport': 'tcp',
    'turnbridge.connect.dns': seconds(dial.dnsMs),
    'turnbridge.connect.tcp': seconds(dial.tcpMs),
    'turnbridge.connect.tls': seconds(dial.tlsMs),
    'turnbridge.connect.upgrade': seconds(dial.upgradeMs),
    'error.type': dial.errorType,
  };
}

interface Server {
  readonly host: string;
  readonly port: number;
}

/** Origins are from configuration: a few hundred in the life of a process that is reloaded all day. */
const MAX_SERVERS = 1_000;
const servers = new Map<string, Server>();

function serverOf(origin: string): Server {
  let server = servers.get(origin);
  if (server === undefined) {
    const { hostname, port, protocol } = new URL(origin);
    server = { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
    if (servers.size >= MAX_SERVERS) servers.clear();
    servers.set(origin, server);
  }
  return server;
}
