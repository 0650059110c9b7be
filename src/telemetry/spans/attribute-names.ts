/**
 * Every attribute that a span of ours may have: a span cannot be given any other, the compiler sees to it. Names of the
 * GenAI conventions are still under development and change; they are written here and nowhere else.
 */

const HTTP_AND_NETWORK = [
  'http.request.method',
  'http.response.status_code',
  'http.route',
  'url.path',
  'url.full',
  'server.address',
  'server.port',
  'client.address',
  'network.protocol.name',
  'network.protocol.version',
  'network.transport',
  'user_agent.original',
  'peer.service',
  'service.peer.name',
  'session.id',
  'error.type',
] as const;

const GEN_AI = [
  'gen_ai.operation.name',
  'gen_ai.provider.name',
  'gen_ai.request.model',
  'gen_ai.request.stream',
  'gen_ai.conversation.id',
  'gen_ai.conversation.compacted',
  'gen_ai.request.previous_response.id',
  'gen_ai.request.reasoning.level',
  'gen_ai.request.max_tokens',
  'gen_ai.request.temperature',
  'gen_ai.request.top_p',
  'gen_ai.output.type',
  'gen_ai.response.id',
  'gen_ai.response.model',
  'gen_ai.response.finish_reasons',
  'gen_ai.response.time_to_first_chunk',
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.output_tokens',
  'gen_ai.usage.cache_read.input_tokens',
  'gen_ai.usage.cache_write.input_tokens',
  'gen_ai.usage.cache_creation.input_tokens',
  'gen_ai.usage.reasoning.output_tokens',
  'openai.api.type',
  'openai.request.service_tier',
  'openai.response.service_tier',
] as const;

const OURS = [
  'turnbridge.connection.id',
  'turnbridge.client.kind',
  'turnbridge.auth.method',
  'turnbridge.tenant',
  'turnbridge.handshake.result',
  'turnbridge.turn.id',
  'turnbridge.turn.index',
  'turnbridge.lane',
  'turnbridge.route',
  'turnbridge.model',
  'turnbridge.provider',
  'turnbridge.codex.turn_id',
  'turnbridge.codex.request_kind',
  'turnbridge.codex.subagent',
  'turnbridge.warmup',
  'turnbridge.request.bytes',
  'turnbridge.request.continuation',
  'turnbridge.continuation',
  'turnbridge.queue.duration',
  'turnbridge.attempts',
  'turnbridge.transport',
  'turnbridge.transport.reason',
  'turnbridge.transport.fallback',
  'turnbridge.failover',
  'turnbridge.failover.from',
  'turnbridge.failover.to',
  'turnbridge.failover.reason',
  'turnbridge.time_to_first_event',
  'turnbridge.time_to_first_output',
  'turnbridge.time_to_headers',
  'turnbridge.stream.events',
  'turnbridge.stream.bytes',
  'turnbridge.stream.max_gap',
  'turnbridge.stream.keepalives',
  'turnbridge.backpressure.duration',
  'turnbridge.overhead.duration',
  'turnbridge.outcome',
  'turnbridge.code',
  'turnbridge.response.id',
  'turnbridge.attempt',
  'turnbridge.attempt.reason',
  'turnbridge.provider.connection',
  'turnbridge.provider.request_id',
  'turnbridge.provider.close_code',
  'turnbridge.retry_after',
  'turnbridge.connect.dns',
  'turnbridge.connect.tcp',
  'turnbridge.connect.tls',
  'turnbridge.connect.upgrade',
  'turnbridge.link',
] as const;

/** All of them; docs/traces.md is compared with it. */
export const ATTRIBUTE_NAMES = [...HTTP_AND_NETWORK, ...GEN_AI, ...OURS] as const;

export type AttributeName = (typeof ATTRIBUTE_NAMES)[number];

/** Values by name; one that is undefined is not set. */
export type SpanAttributes = {
  readonly [K in AttributeName]?: string | number | boolean | string[] | undefined;
};
