/** What the span of a handshake, or of a request that was refused at the door, says. */
import { SpanStatusCode, type SpanStatus } from '@opentelemetry/api';
import type { HandshakeRecord } from '../../client/facts.ts';
import type { SpanAttributes } from './attribute-names.ts';

export function handshakeAttributes(handshake: HandshakeRecord): SpanAttributes {
  const isAccepted = handshake.result === 'accepted' && handshake.via === 'websocket';
  return {
    'http.request.method': handshake.method,
    'http.route': handshake.route,
    'url.path': handshake.route,
    'http.response.status_code': handshake.status,
    'client.address': handshake.clientAddress,
    'network.protocol.name': isAccepted ? 'websocket' : 'http',
    'network.protocol.version': isAccepted ? '13' : '1.1',
    'user_agent.original': handshake.userAgent,
    'turnbridge.connection.id': handshake.connectionId,
    'turnbridge.client.kind': handshake.clientKind,
    'turnbridge.auth.method': handshake.authMethod,
    'turnbridge.tenant': handshake.tenant,
    'turnbridge.handshake.result': handshake.result,
    'error.type': handshake.status >= 500 ? String(handshake.status) : undefined,
  };
}

/** As HTTP servers have it: what the client did wrong is no error of ours. */
export function handshakeStatus({ status }: HandshakeRecord): SpanStatus {
  return { code: status >= 500 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET };
}
