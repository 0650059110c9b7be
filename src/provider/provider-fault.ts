/**
 * From what sockets, DNS, TLS and undici say to the faults that a turn knows. The messages are ours and name the
 * provider as its route does; addresses and a provider's own text stay out of them.
 */
import { ProviderFault, type ProviderFaultCode } from './provider.ts';

/** How far an attempt was when the error came: without a connection, with its request on one, within the answer. */
export type FaultPhase = 'opening' | 'sent' | 'answering';

const CODES: Readonly<Record<string, ProviderFaultCode>> = {
  TURNBRIDGE_ADDRESS_REFUSED: 'address_refused',
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  EAI_FAIL: 'dns_failed',
  EAI_NODATA: 'dns_failed',
  ENODATA: 'dns_failed',
  ESERVFAIL: 'dns_failed',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  EPROTO: 'tls_failed',
  UND_ERR_PRX_TLS: 'tls_failed',
  UND_ERR_HEADERS_OVERFLOW: 'protocol_error',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection_lost',
  UND_ERR_HEADERS_TIMEOUT: 'connection_lost',
  UND_ERR_INVALID_ARG: 'connect_failed', // how undici tells of an outbound proxy's 407
  HTTP_BROKEN_OFF: 'connection_lost',
  HTTP_MALFORMED: 'protocol_error',
};

/** OpenSSL's words for a certificate that did not convince, as Node reports them. */
const CERTIFICATE =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|CRL_|INVALID_|HOSTNAME_MISMATCH)/;

const SENTENCES: Readonly<Record<ProviderFaultCode, string>> = {
  connect_failed: 'could not be reached',
  connect_timeout: 'did not accept a connection in time',
  dns_failed: 'could not be found: its host name has no address',
  tls_failed: 'was reached, but its certificate or TLS handshake was not accepted',
  address_refused:
    'has a host name that leads to a loopback, link-local or metadata address, which a route from the cluster may not reach',
  connection_lost: 'closed the connection in the middle of its answer',
  protocol_error: 'sent something that is not a valid HTTP answer',
  no_room: 'sends more than this bridge has memory for',
  request_too_large: 'takes smaller requests than this one',
  handshake_timeout: 'was reached, but did not answer the upgrade to WebSocket in time',
  socket_closed: 'closed its WebSocket in the middle of the turn',
};

/**
 * The fault for an error of the transport.
 *
 * @param provider The provider's name within its route.
 * @param phase A reset while connecting means that the provider could not be reached; later, that it was lost. The
 *   difference counts: a request that was sent may have been worked on, and charged.
 */
export function toProviderFault(provider: string, error: unknown, phase: FaultPhase): ProviderFault {
  const reason = reasonOf(error);
  const code = codeOf(reason, phase);
  return faultOf(provider, code, reason, detailOf(code, reason, phase));
}

/** What is to be said in place of the usual sentence. */
function detailOf(
  code: ProviderFaultCode,
  reason: string | undefined,
  phase: FaultPhase,
): string | undefined {
  if (code === 'connection_lost' && phase === 'sent') return 'closed the connection before it answered';
  // OpenSSL's word for an answer that is no TLS at all; a version that is too old is another one
  if (code === 'tls_failed' && reason === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'was reached, but speaks no TLS there (if that is meant, its url has to begin with http:// or ws://)';
  return undefined;
}

/** A fault with the usual sentence for its code; `detail` replaces the sentence. */
export function faultOf(
  provider: string,
  code: ProviderFaultCode,
  reason: string | undefined,
  detail: string = SENTENCES[code],
): ProviderFault {
  const suffix = reason === undefined ? '' : `: ${reason}`;
  return new ProviderFault(code, `provider ${provider} ${detail}${suffix}`, reason);
}

function codeOf(reason: string | undefined, phase: FaultPhase): ProviderFaultCode {
  const fallback = phase === 'opening' ? 'connect_failed' : 'connection_lost';
  if (reason === undefined) {
    return fallback;
  }
  const known = CODES[reason] ?? (CERTIFICATE.test(reason) ? 'tls_failed' : fallback);
  // A connection that exists can time out too (the kernel gave up), and can have a record that does not decrypt: it is
  // then lost, not unreachable.
  return phase !== 'opening' && (known === 'connect_timeout' || known === 'tls_failed') ? fallback : known;
}

/** What errors of sockets and libraries have in common; `instanceof` would miss those of another realm. */
interface ErrorLike {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  /** Of an AggregateError: one for each address that was tried. */
  readonly errors?: unknown;
}

/** 8: deeper chains of causes do not occur; a cycle must not hang us. */
const MAX_CAUSES = 8;

/** The system's own word for an error: its code, or that of what caused it. Only words in capitals pass. */
function reasonOf(error: unknown): string | undefined {
  let current = error;
  let found: string | undefined;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth += 1) {
    const { name, message, code, cause, errors }: ErrorLike = current;
    if (name === 'HTTPParserError') {
      // undici gives these no code; llhttp's sentence alone tells an end that came too soon from nonsense.
      return String(message).includes('EOF') ? 'HTTP_BROKEN_OFF' : 'HTTP_MALFORMED';
    }
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) {
      if (!code.startsWith('UND_ERR_') || code in CODES) {
        return code;
      }
      found ??= code; // undici's general words: what caused them says more, if it is known.
    }
    current = Array.isArray(errors) ? errors[0] : cause;
  }
  return found;
}
