/** A short trace for each connection: its handshake, or its refusal. No span lives as long as a socket. */
import { SpanKind } from '@opentelemetry/api';
import type { ClientFact, ConnectionRecord, HandshakeRecord } from '../../client/facts.ts';
import { toClientContext } from './client-context.ts';
import { handshakeAttributes, handshakeStatus } from './handshake-attributes.ts';
import { idsOfContext, known, type SpanTools } from './span-tools.ts';

export class HandshakeSpans {
  readonly #tools: SpanTools;

  constructor(tools: SpanTools) {
    this.#tools = tools;
  }

  hear(fact: ClientFact): void {
    const { recent } = this.#tools;
    switch (fact.kind) {
      case 'handshake':
        this.#write(fact.handshake);
        return;
      case 'connection.opened':
        this.#opened(fact.connection);
        return;
      case 'tunnel.opened':
        this.#opened(fact.tunnel);
        return;
      case 'tunnel.closed':
        recent.closed(fact.tunnel.id);
        return;
      case 'connection.closed':
        recent.closed(fact.connection.id);
        return;
      case 'frame.refused':
      case 'tls.failed':
      case 'bridge.mistake':
      case 'ping.answered':
      case 'backpressure.ended':
        return;
    }
  }

  #opened(connection: ConnectionRecord): void {
    const context = this.#tools.recent.handshakeOf(connection.id);
    if (context !== undefined) connection.trace = idsOfContext(context);
  }

  #write(handshake: HandshakeRecord): void {
    const { clock, propagator, recent, tracer } = this.#tools;
    const time = clock.now();
    const { clientTrace, tracePolicy, method, route, connectionId } = handshake;
    const { parent, links } = toClientContext(clientTrace, tracePolicy, propagator);
    const span = tracer.startSpan(
      route === undefined ? method : `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        startTime: time.at(handshake.startedAt),
        attributes: known(handshakeAttributes(handshake)),
        links: [...links],
      },
      parent,
    );
    span.setStatus(handshakeStatus(handshake));
    span.end(time.at(handshake.endedAt));
    if (connectionId !== undefined && handshake.result === 'accepted')
      recent.opened(connectionId, span.spanContext());
  }
}
