/** What comes from the bridge, in a few words: the same in rows, in what is observed and in docs/errors.md. Pure. */
import type { JsonObject } from '../codex-exec.ts';
import type { TappedStatus } from '../tapped-answer.ts';

/** `upgrade refused: 503 not_ready, retry after 1 s`, `HTTP 502 provider_unreachable`. */
export function statusWords({ status, headers, body }: TappedStatus, isWebSocket: boolean): string {
  const code = /"code":"([^"]+)"/.exec(body)?.[1];
  const words = `${isWebSocket ? 'upgrade refused:' : 'HTTP'} ${status}${code === undefined ? '' : ` ${code}`}`;
  return withDelay(words, headers['retry-after']);
}

interface TerminalResponse {
  readonly error?: { readonly code?: string } | null;
  readonly incomplete_details?: { readonly reason?: string } | null;
}

/** `error 429 queue_full, retry after 1 s`, `response.failed server_error`; undefined for what is no fault. */
export function frameWords(frame: JsonObject): string | undefined {
  const response = (frame['response'] ?? {}) as TerminalResponse;
  switch (frame['type']) {
    case 'error': {
      const { code, type } = frame['error'] as { code: string | null; type: string };
      const headers = (frame['headers'] ?? {}) as Record<string, string>;
      return withDelay(`error ${String(frame['status'])} ${code ?? type}`, headers['retry-after']);
    }
    case 'response.failed':
      return `response.failed ${response.error?.code ?? 'without a code'}`;
    case 'response.incomplete':
      return `response.incomplete ${response.incomplete_details?.reason ?? ''}`;
    case 'keepalive':
      return 'keepalive';
    default:
      return undefined;
  }
}

function withDelay(words: string, seconds: string | undefined): string {
  return seconds === undefined ? words : `${words}, retry after ${seconds} s`;
}

/** The same thing in a row once. */
export function withoutRepeats(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => word !== words[index - 1]);
}
