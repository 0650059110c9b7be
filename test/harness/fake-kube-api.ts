/** What the fake API server answers: lists in pages, watches, reads and writes. */
import type { IncomingMessage } from 'node:http';
import type { Answer, Phase } from './fake-kube-faults.ts';
import { apiVersionOf, ApiRefusal, toSelector } from './fake-kube-paths.ts';
import type { ApiObject, ApiPath } from './fake-kube-paths.ts';
import { collection, KubeStore } from './fake-kube-store.ts';
import type { Write } from './fake-kube-store.ts';
import { OpenWatch } from './fake-kube-watch.ts';

/** A request as it came. `status` is set once it was answered. */
export interface SeenRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: unknown;
  readonly phase: Phase;
  status: number | undefined;
}

/** The page size of who asks for none. */
const NO_LIMIT = 1_000_000;

export class KubeApi {
  readonly store = new KubeStore((change) => {
    for (const watch of this.watches) watch.tell(change);
  });
  /** How a watch from a version that is gone is refused. */
  goneAs: 'stream' | 'status' = 'stream';

  readonly #watches = new Set<OpenWatch>();
  readonly #pages = new Map<string, { items: ApiObject[]; version: number }>();
  #pageNumber = 0;

  get watches(): readonly OpenWatch[] {
    for (const watch of this.#watches) if (!watch.isOpen) this.#watches.delete(watch);
    return [...this.#watches];
  }

  compact(): void {
    this.store.compact();
    this.#pages.clear();
  }

  /** @throws ApiRefusal before anything was sent. */
  answer(answer: Answer, seen: SeenRequest, path: ApiPath | undefined, query: URLSearchParams): void {
    if (path === undefined) {
      answer.head((seen.status = 200));
      answer.write('{}');
      return answer.end();
    }
    if (seen.phase === 'watch') return this.#watch(answer, seen, path, query);
    const result = this.#act(seen, path, query);
    seen.status = seen.phase === 'create' ? 201 : 200;
    answer.head(seen.status);
    answer.write(JSON.stringify(result));
    answer.end();
  }

  #act(seen: SeenRequest, path: ApiPath, query: URLSearchParams): unknown {
    const write = (): Write => ({
      path,
      body: checkedBody(seen, path),
      manager: query.get('fieldManager') ?? '',
      force: query.get('force') === 'true',
    });
    switch (seen.phase) {
      case 'list':
      case 'listNext':
        return this.#page(path, query);
      case 'get': {
        const object = this.store.read(path);
        if (object === undefined)
          throw new ApiRefusal(404, 'NotFound', `${path.resource} "${path.name ?? ''}" not found`);
        return object;
      }
      case 'create':
        return this.store.create(write());
      case 'update':
        return this.store.update(write());
      case 'patch':
        return this.store.patch(write());
      case 'apply':
        if (!query.has('fieldManager'))
          throw new ApiRefusal(400, 'BadRequest', 'fieldManager is required for apply patch');
        return this.store.apply(write());
      case 'delete':
        return this.store.delete(path);
      default:
        throw new ApiRefusal(405, 'MethodNotAllowed', `fake-kube does not know ${seen.method} ${seen.path}`);
    }
  }

  #page(path: ApiPath, query: URLSearchParams): unknown {
    const token = query.get('continue') ?? '';
    const limit = Number(query.get('limit') ?? '0') || NO_LIMIT;
    const held = this.#pages.get(token);
    if (token !== '' && held === undefined)
      throw new ApiRefusal(410, 'Expired', 'The provided continue parameter is too old');
    const selector = toSelector(query.get('fieldSelector'), query.get('labelSelector'));
    const { items, version } = held ?? {
      items: this.store.list(collection(path), path.namespace, selector),
      version: this.store.version,
    };
    const rest = items.slice(limit);
    let next = '';
    if (rest.length > 0) {
      next = `page-${String(++this.#pageNumber)}`;
      this.#pages.set(next, { items: rest, version });
    }
    return {
      kind: 'List',
      apiVersion: apiVersionOf(path),
      metadata: {
        resourceVersion: String(version),
        ...(next !== '' && { continue: next, remainingItemCount: rest.length }),
      },
      items: items.slice(0, limit),
    };
  }

  #watch(answer: Answer, seen: SeenRequest, path: ApiPath, query: URLSearchParams): void {
    const scope = {
      path: seen.path,
      query: seen.query,
      apiVersion: apiVersionOf(path),
      collection: collection(path),
      namespace: path.namespace,
      selector: toSelector(query.get('fieldSelector'), query.get('labelSelector')),
    };
    const watch = new OpenWatch(scope, answer);
    const from = Number(query.get('resourceVersion') ?? '0');
    const isGone = from > 0 && from < this.store.compactedTo;
    const gone = `too old resource version: ${String(from)} (${String(this.store.compactedTo)})`;
    if (isGone && this.goneAs === 'status') throw new ApiRefusal(410, 'Expired', gone);
    answer.head((seen.status = 200));
    if (isGone) return watch.error(410, 'Expired', gone);
    if (from === 0) {
      for (const object of this.store.list(scope.collection, scope.namespace, scope.selector))
        watch.send('ADDED', object);
    } else {
      for (const change of this.store.since(from)) watch.tell(change);
    }
    this.#watches.add(watch);
  }
}

/** What a request is for. */
export function phaseOf(
  { method, headers }: IncomingMessage,
  path: ApiPath | undefined,
  query: URLSearchParams,
): Phase {
  if (path === undefined) return 'other';
  switch (method) {
    case 'GET':
      if (query.get('watch') === 'true' || query.get('watch') === '1') return 'watch';
      if (path.name !== undefined) return 'get';
      return query.has('continue') ? 'listNext' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return headers['content-type']?.startsWith('application/apply-patch') === true ? 'apply' : 'patch';
    case 'DELETE':
      return 'delete';
    default:
      return 'other';
  }
}

/** What the real server refuses about a body before it looks at anything else. */
function checkedBody({ body, phase }: SeenRequest, path: ApiPath): ApiObject {
  if (typeof body !== 'object' || body === null)
    throw new ApiRefusal(400, 'BadRequest', 'the body is no object');
  const object = body as ApiObject;
  if (phase === 'patch') return object;
  const { metadata, apiVersion, kind } = object;
  if (typeof metadata !== 'object' || metadata === null)
    throw new ApiRefusal(400, 'BadRequest', 'metadata is missing');
  if (apiVersion !== apiVersionOf(path) || kind === undefined)
    throw new ApiRefusal(
      400,
      'BadRequest',
      `apiVersion and kind have to be those of ${apiVersionOf(path)} ${path.resource}`,
    );
  if (path.name !== undefined && metadata.name !== path.name)
    throw new ApiRefusal(400, 'BadRequest', 'the name of the object does not match the name on the URL');
  if (metadata.namespace !== undefined && metadata.namespace !== path.namespace)
    throw new ApiRefusal(
      400,
      'BadRequest',
      'the namespace of the object does not match the namespace on the request',
    );
  if (phase === 'create' && metadata.resourceVersion !== undefined)
    throw new ApiRefusal(400, 'BadRequest', 'resourceVersion should not be set on objects to be created');
  return object;
}
