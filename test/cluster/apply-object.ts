/** What kubectl sends, without its start of a third of a second: for tests that measure, or change much. */
import { applyType, type Api, type ApiObject } from './api.ts';

/** A route, Secret or ConfigMap as a person writes it. */
export type WrittenObject = Readonly<Record<string, unknown>>;

/** Server-side apply, as `kubectl apply --server-side` does it. @throws ApiError when it is refused */
export function applyObject(api: Api, object: WrittenObject): Promise<ApiObject> {
  return api.request<ApiObject>({
    method: 'PATCH',
    path: pathOf(object),
    query: { fieldManager: 'kubectl', force: 'true' },
    body: withData(object),
    contentType: applyType,
  });
}

/** @throws ApiError when it is not there */
export function deleteObject(api: Api, object: WrittenObject): Promise<unknown> {
  return api.request({ method: 'DELETE', path: pathOf(object) });
}

/** `namespace/name`. */
export function keyOfObject(object: WrittenObject): string {
  const { namespace, name } = metadataOf(object);
  return `${namespace}/${name}`;
}

function pathOf(object: WrittenObject): string {
  const { namespace, name } = metadataOf(object);
  const apiVersion = String(object['apiVersion']);
  const base = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  return `${base}/namespaces/${namespace}/${String(object['kind']).toLowerCase()}s/${name}`;
}

function metadataOf(object: WrittenObject): { readonly namespace: string; readonly name: string } {
  return object['metadata'] as { namespace: string; name: string };
}

/** Nobody owns `stringData`: an entry that is applied no more would stay in `data`. */
function withData({ stringData, ...object }: WrittenObject): WrittenObject {
  if (stringData === undefined) return object;
  const entries = Object.entries(stringData as Record<string, string>);
  const data = Object.fromEntries(
    entries.map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );
  return { ...object, data };
}
