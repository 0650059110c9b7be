/**
 * Makes requests of two runs of Codex comparable: what is random or the moment's own (ids, times, folders) becomes a
 * placeholder, the same one for the same value within a run. Everything else stays and must be equal.
 */
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { CodexHome } from './codex-home.ts';
import type { JsonObject } from './codex-exec.ts';

export interface ComparableRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Not of Codex's making: what an HTTP client sets for its connection, and the bridge's own trace against loops. */
const hopHeaders = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'host',
  'transfer-encoding',
  'x-turnbridge-via',
]);
/** With auth None on both sides the bridge keeps the client's key to itself; Codex alone sends it on. */
const keyHeader = 'authorization';

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/**
 * Requests of one run, in the order given. `home` is the run's own, so that its folders are recognised. Bodies carry
 * sorted keys: their order says nothing.
 */
export function comparable(
  requests: readonly RecordedRequest[],
  home: CodexHome,
): readonly ComparableRequest[] {
  const names = new Map<string, string>();
  const root = home.path.replace(/\/home$/, '');
  const plain = (text: string): string =>
    text
      .replaceAll(root, '<root>')
      .replaceAll(uuid, (id) => {
        const name = names.get(id) ?? `<id-${names.size + 1}>`;
        names.set(id, name);
        return name;
      })
      .replaceAll(/(nickname\\?":\\?")[^"\\]+/g, '$1<nickname>')
      .replaceAll(/Chunk ID: [0-9a-f]+/g, 'Chunk ID: <chunk>')
      .replaceAll(/Wall time:? [0-9.]+ seconds/g, 'Wall time: <time> seconds')
      .replaceAll(/\\?"chunk_id\\?":\\?"[0-9a-f]+\\?"/g, '<chunk_id>')
      .replaceAll(/\\?"wall_time_seconds\\?":[0-9.e-]+/g, '<wall_time_seconds>');
  const walk = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') {
      return key === 'x-codex-turn-metadata' ? walk(JSON.parse(value)) : plain(value);
    }
    if (key.endsWith('_at_unix_ms') || key.endsWith('_duration_ms')) return '<time>';
    if (Array.isArray(value)) return value.map((item: unknown) => walk(item));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([name, inner]) => [name, walk(inner, name)]));
  };
  return requests.map(({ method, path, headers, body }) => ({
    method,
    path,
    body: walk(body),
    headers: walk(
      Object.fromEntries(
        Object.entries(headers).filter(([name]) => !hopHeaders.has(name) && name !== keyHeader),
      ),
    ) as Record<string, string>,
  }));
}

/** Items of a request's input; none of a request that never came. */
export function inputOf(request: RecordedRequest | undefined): readonly JsonObject[] {
  return (request?.body['input'] ?? []) as readonly JsonObject[];
}

/** The same with what a `previous_response_id` stands for: what a model reads. */
export function wholeInputOf({ context }: RecordedRequest): readonly JsonObject[] {
  return (context.input ?? []) as readonly JsonObject[];
}

/** Types of the input's items, messages with their role: `message/user`. */
export function shapeOf(request: RecordedRequest | undefined): readonly string[] {
  return inputOf(request).map(({ type, role }) =>
    type === 'message' ? `message/${String(role)}` : String(type),
  );
}

/** All text of one item, joined. */
export function textOf(item: JsonObject | undefined): string {
  const content = item?.['content'];
  if (!Array.isArray(content)) return '';
  return content.map((part: { text?: string }) => part.text ?? '').join('');
}
