/** What went wrong between us and the API server, told once and in one form. */

/** Of the server's own words this many characters are passed on: a validation message may repeat a whole object. */
const MAX_MESSAGE_CHARS = 500;

/** Reasons of our own, where no server has given one. */
export type LocalReason =
  /** No answer in time, or a stream that fell silent. */
  | 'Timeout'
  /** The connection could not be opened, or was cut. */
  | 'Network'
  /** The caller's signal, or the end of the client. */
  | 'Aborted'
  /** An answer or a line beyond its limit. */
  | 'TooLarge'
  /** Not the JSON that was to be expected. */
  | 'Malformed'
  /** Credentials could not be read. */
  | 'Credentials';

export interface KubeErrorDetails {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Any failure of a request or a watch. The message names method, path and cause; never a body of ours or a credential. */
export class KubeError extends Error {
  /** Of the answer, or of an ERROR in a stream; undefined where none came. */
  readonly status: number | undefined;
  /** Of the Status object (`NotFound`, `Conflict`, `Expired`), or a {@link LocalReason}. */
  readonly reason: string | undefined;
  /** How long the server asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, reason, retryAfterMs, cause }: KubeErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** The version asked for is gone: what is known has to be read anew. */
  get isExpired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
}

/** A failure without an answer. */
export function localError(what: string, reason: LocalReason, detail: string, cause?: unknown): KubeError {
  return new KubeError(`${what}: ${detail}`, { reason, cause });
}

/** From a Status object, of an answer or of a stream; from anything else as far as it is one. */
export function statusError(
  what: string,
  object: unknown,
  status?: number,
  retryAfterMs?: number,
): KubeError {
  const { code, reason, message, details } = (
    typeof object === 'object' && object !== null ? object : {}
  ) as {
    readonly code?: unknown;
    readonly reason?: unknown;
    readonly message?: unknown;
    readonly details?: { readonly retryAfterSeconds?: unknown } | null;
  };
  const known = status ?? (typeof code === 'number' ? code : undefined);
  const words = [known?.toString(), stringOf(reason), stringOf(message)?.slice(0, MAX_MESSAGE_CHARS)];
  const seconds = details?.retryAfterSeconds;
  return new KubeError(
    `${what}: ${words.filter((word) => word !== undefined).join(' ') || 'no reason given'}`,
    {
      status: known,
      reason: stringOf(reason),
      retryAfterMs: retryAfterMs ?? (typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined),
    },
  );
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
