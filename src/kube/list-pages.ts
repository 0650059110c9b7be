/** A list of everything, page by page, as of one moment. */
import type { KubeClient } from './kube-client.ts';
import { localError } from './kube-error.ts';
import { toKubeList } from './kube-object.ts';
import type { KubeList } from './kube-object.ts';

/** One page of a list: a hundred large objects through a slow network take longer than other requests. */
export const LIST_TIMEOUT_MS = 60_000;

/** A list of more objects is refused rather than held in memory. */
export const MAX_LIST_ITEMS = 200_000;

export interface ListRequest {
  readonly client: KubeClient;
  readonly path: string;
  readonly query: Readonly<Record<string, string>> | undefined;
  /** Undefined: all in one answer. */
  readonly pageSize: number | undefined;
  readonly signal: AbortSignal;
}

/** @throws KubeError; `isExpired` when the server does not remember the moment any more */
export async function* listPages(request: ListRequest): AsyncGenerator<KubeList, void, undefined> {
  const { client, path, query, pageSize, signal } = request;
  const limit = pageSize === undefined ? {} : { limit: String(pageSize) };
  const what = `GET ${path}`;
  let [items, next] = [0, ''];
  do {
    const answer = await client.request({
      method: 'GET',
      path,
      query: { ...query, ...limit, ...(next !== '' && { continue: next }) },
      signal,
      timeoutMs: LIST_TIMEOUT_MS,
    });
    const page = toKubeList(what, answer);
    items += page.items.length;
    if (items > MAX_LIST_ITEMS)
      throw localError(what, 'TooLarge', `more than ${String(MAX_LIST_ITEMS)} objects`);
    yield page;
    next = page.continue;
  } while (next !== '');
}
