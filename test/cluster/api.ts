/** How tests talk to an API server: not with the product's own client, which is what they judge. */
import { Agent, type Dispatcher } from 'undici';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/v1/namespaces/x/secrets/y`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default; server-side apply is {@link applyType}, a merge patch {@link mergeType}. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** 30 s by default. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  /** JSON where the answer is JSON, else its text. */
  readonly body: unknown;
}

export interface ApiEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ApiObject;
}

/** Any object of Kubernetes; the rest of it is the caller's to know. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export const applyType = 'application/apply-patch+yaml';
export const mergeType = 'application/merge-patch+json';

/** Answered with a status that is no success. */
export class ApiError extends Error {
  readonly status: number;
  /** Of the Status object: `NotFound`, `Forbidden`, `Invalid`, … */
  readonly reason: string | undefined;

  constructor(request: ApiRequest, { status, body }: ApiAnswer) {
    const { message, reason } = (body ?? {}) as { message?: string; reason?: string };
    super(`${request.method ?? 'GET'} ${request.path}: ${String(status)}: ${message ?? String(body)}`);
    this.status = status;
    this.reason = reason;
  }
}

/** Owns its connections; `await using` or `close()`. */
export interface Api extends AsyncDisposable {
  /** Whatever was answered. @throws Error when nothing was. */
  ask(request: ApiRequest): Promise<ApiAnswer>;
  /** The body of a success. @throws ApiError for any other status. */
  request<T = unknown>(request: ApiRequest): Promise<T>;
  /** What a watch delivers, until it ends or the signal comes. @throws ApiError for any status but 200. */
  watch(
    path: string,
    query?: Readonly<Record<string, string>>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncGenerator<ApiEvent>;
  close(): Promise<void>;
}

/** PEM texts. */
export interface ApiTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Opens a client of one API server as one user: of the certificate, of the token, or anonymous. */
export function openApi(url: string, { tls, token }: { tls?: ApiTls; token?: string } = {}): Api {
  const agent = new Agent({ connect: { ...tls }, bodyTimeout: 0 });
  const toOptions = (request: ApiRequest): Dispatcher.RequestOptions => ({
    origin: url,
    path: `${request.path}${toQuery(request.query)}`,
    method: request.method ?? 'GET',
    headers: {
      accept: 'application/json',
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const ask = async (request: ApiRequest): Promise<ApiAnswer> => {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? 30_000);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
    const answered = agent.request({ ...toOptions(request), signal });
    // undici does not look at the signal while it connects, and a frozen server lets it connect for long
    const { statusCode, body } = await Promise.race([answered, rejectWhenAborted(signal)]);
    return { status: statusCode, body: toBody(await body.text()) };
  };
  const close = (): Promise<void> => agent.destroy();
  return {
    ask,
    async request<T>(request: ApiRequest) {
      const answer = await ask(request);
      if (answer.status >= 300) throw new ApiError(request, answer);
      return answer.body as T;
    },
    async *watch(path, query = {}, { signal } = {}) {
      const request = { path, query: { ...query, watch: 'true' } };
      const options = { ...toOptions(request), ...(signal === undefined ? {} : { signal }) };
      const { statusCode, body } = await agent.request(options);
      if (statusCode !== 200) {
        throw new ApiError(request, { status: statusCode, body: toBody(await body.text()) });
      }
      let rest = '';
      for await (const chunk of body.setEncoding('utf8')) {
        const lines = `${rest}${String(chunk)}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as ApiEvent;
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    // the reason of a timeout or of whoever aborted: an Error in either case
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function toQuery(query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}

function toBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // `/readyz` says "ok"
  }
}
