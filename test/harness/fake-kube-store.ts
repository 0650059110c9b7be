/** What an API server remembers: objects, the order of their changes, and how far back it can tell. */
import { isDeepStrictEqual } from 'node:util';
import { mergePatch, serverSideApply } from './fake-kube-apply.ts';
import { ApiRefusal, apiVersionOf } from './fake-kube-paths.ts';
import type { ApiObject, ApiPath, Selector } from './fake-kube-paths.ts';

/** One change of one object, at its resource version. */
export interface Change {
  readonly at: number;
  /** `turnbridge.dev/v1alpha1/responsesroutes`. */
  readonly collection: string;
  readonly before: ApiObject | undefined;
  /** Undefined when it was deleted. */
  readonly after: ApiObject | undefined;
}

/** A write through the API. */
export interface Write {
  readonly path: ApiPath;
  readonly body: ApiObject;
  /** Of an apply. */
  readonly manager?: string;
  readonly force?: boolean;
}

interface Held {
  object: ApiObject;
  readonly applied: Map<string, Record<string, unknown>>;
}

/** Resources whose status is a subresource, and whose objects have a generation. */
const withStatus = new Set(['responsesroutes', 'deployments', 'pods']);

export class KubeStore {
  readonly #objects = new Map<string, Map<string, Held>>();
  readonly #onChange: (change: Change) => void;
  #history: Change[] = [];
  #version = 1000;
  #compactedTo = 0;
  #uids = 0;

  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange;
  }

  /** The newest resource version. */
  get version(): number {
    return this.#version;
  }

  get compactedTo(): number {
    return this.#compactedTo;
  }

  /** Forgets all changes so far, as etcd does after five minutes: who comes with an older version hears 410. */
  compact(): void {
    this.#history = [];
    // Otherwise one who is up to date would be refused too.
    this.#compactedTo = this.#version;
  }

  /** Time passes elsewhere: versions are shared by all resources. */
  skipVersions(count: number): void {
    this.#version += count;
  }

  since(version: number): readonly Change[] {
    return this.#history.filter((change) => change.at > version);
  }

  list(collection: string, namespace: string | undefined, selector: Selector): ApiObject[] {
    return [...(this.#objects.get(collection)?.entries() ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, held]) => held.object)
      .filter(
        (object) => (namespace === undefined || object.metadata.namespace === namespace) && selector(object),
      );
  }

  read(path: ApiPath): ApiObject | undefined {
    return this.#held(path)?.object;
  }

  create({ path, body }: Write): ApiObject {
    const generated = body.metadata['generateName'];
    const name =
      body.metadata.name ??
      (typeof generated === 'string'
        ? `${generated}${(++this.#uids).toString(36).padStart(5, 'x')}`
        : undefined);
    if (name === undefined) throw new ApiRefusal(422, 'Invalid', 'metadata.name: Required value');
    const at = { ...path, name };
    if (this.#held(at) !== undefined)
      throw new ApiRefusal(409, 'AlreadyExists', `${path.resource} "${name}" already exists`);
    const born = { ...body, metadata: { ...body.metadata, name } };
    if (withStatus.has(path.resource)) delete (born as Record<string, unknown>)['status'];
    return this.#store(at, born, undefined);
  }

  update({ path, body }: Write): ApiObject {
    const held = this.#existing(path);
    const version = body.metadata?.resourceVersion;
    if (version !== undefined && version !== held.object.metadata.resourceVersion) {
      const what = `Operation cannot be fulfilled on ${path.resource} "${path.name ?? ''}"`;
      throw new ApiRefusal(
        409,
        'Conflict',
        `${what}: the object has been modified; please apply your changes to the latest version`,
      );
    }
    return this.#store(path, body, held);
  }

  patch({ path, body }: Write): ApiObject {
    const held = this.#existing(path);
    return this.update({ path, body: mergePatch(held.object, body) as ApiObject });
  }

  apply({ path, body, manager = '', force = false }: Write): ApiObject {
    const held = this.#held(path);
    if (held === undefined && path.subresource !== undefined) this.#existing(path);
    const writer = path.subresource === undefined ? manager : `${manager}/${path.subresource}`;
    const version = body.metadata?.resourceVersion;
    if (version !== undefined && version !== held?.object.metadata.resourceVersion)
      throw new ApiRefusal(
        409,
        'Conflict',
        'the object has been modified; apply without resourceVersion or read it again',
      );
    const uid = body.metadata?.uid;
    if (uid !== undefined && held !== undefined && uid !== held.object.metadata.uid)
      throw new ApiRefusal(409, 'Conflict', 'the UID in the precondition is of another object of that name');
    const base = held?.object ?? { metadata: { name: path.name ?? '' } };
    const next = serverSideApply(base, body, held?.applied ?? new Map(), writer, force);
    const stored = this.#store(path, next as ApiObject, held);
    this.#held(path)?.applied.set(writer, body);
    return stored;
  }

  delete(path: ApiPath): ApiObject {
    const held = this.#existing(path);
    this.#objects.get(collection(path))?.delete(keyOf(path));
    const at = ++this.#version;
    const last = { ...held.object, metadata: { ...held.object.metadata, resourceVersion: String(at) } };
    this.#tell({ at, collection: collection(path), before: held.object, after: undefined });
    return last;
  }

  #existing(path: ApiPath): Held {
    const held = this.#held(path);
    if (held === undefined)
      throw new ApiRefusal(404, 'NotFound', `${path.resource} "${path.name ?? ''}" not found`);
    return held;
  }

  #held(path: ApiPath): Held | undefined {
    return this.#objects.get(collection(path))?.get(keyOf(path));
  }

  /** Writes what may be written on this path, and nothing at all when that changes nothing. */
  #store(path: ApiPath, wanted: ApiObject, held: Held | undefined): ApiObject {
    const before = held?.object;
    const body = this.#withinReach(path, wanted, before);
    const specChanged = !isDeepStrictEqual(withoutState(body), withoutState(before));
    const generation = before?.metadata.generation;
    const metadata = {
      ...body.metadata,
      name: path.name ?? '',
      ...(path.namespace !== undefined && { namespace: path.namespace }),
      uid: (before ?? body).metadata.uid ?? `uid-${String(++this.#uids)}`,
      creationTimestamp: (before ?? body).metadata.creationTimestamp ?? now(),
      resourceVersion: before?.metadata.resourceVersion ?? '',
      ...(withStatus.has(path.resource) && { generation: (generation ?? 0) + (specChanged ? 1 : 0) }),
    };
    const after: ApiObject = { ...body, apiVersion: body.apiVersion ?? apiVersionOf(path), metadata };
    if (before !== undefined && isDeepStrictEqual(after, before)) return before;
    const at = ++this.#version;
    const stored = { ...after, metadata: { ...metadata, resourceVersion: String(at) } };
    const place = this.#objects.get(collection(path)) ?? new Map<string, Held>();
    this.#objects.set(collection(path), place);
    if (held === undefined) place.set(keyOf(path), { object: stored, applied: new Map() });
    else held.object = stored;
    this.#tell({ at, collection: collection(path), before, after: stored });
    return stored;
  }

  /** A status is written on `/status` only, and nothing else is there. */
  #withinReach(path: ApiPath, wanted: ApiObject, before: ApiObject | undefined): ApiObject {
    if (!withStatus.has(path.resource) || before === undefined) return wanted;
    const [from, status] =
      path.subresource === 'status' ? [before, wanted['status']] : [wanted, before['status']];
    const { status: _, ...rest } = from;
    return { ...rest, metadata: from.metadata, ...(status !== undefined && { status }) };
  }

  #tell(change: Change): void {
    this.#history.push(change);
    this.#onChange(change);
  }
}

function withoutState(object: ApiObject | undefined): unknown {
  if (object === undefined) return undefined;
  const { metadata: _metadata, status: _status, apiVersion: _version, kind: _kind, ...rest } = object;
  return rest;
}

/** As the server writes it: whole seconds. */
function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

/** Where objects of a path live. */
export function collection(path: ApiPath): string {
  return `${apiVersionOf(path)}/${path.resource}`;
}

function keyOf(path: ApiPath): string {
  return `${path.namespace ?? ''}/${path.name ?? ''}`;
}
