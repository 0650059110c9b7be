/** A short trace for each connection: its handshake, or its refusal. No span lives as long as a socket. */
import { SpanKind } from '@opentelemetry/api';
import type { ClientFact, HandshakeRecord } from '../../client/facts.ts';
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
      case 'connection.opened': {
        const context = recent.handshakeOf(fact.connection.id);
        if (context !== undefined) fact.connection.trace = idsOfContext(context);
        return;
      }
      case 'connection.closed':
        recent.closed(fact.connection.id);
        return;
      case 'frame.refused':
      case 'bridge.mistake':
      case 'ping.answered':
      case 'backpressure.ended':
        return;
    }
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
