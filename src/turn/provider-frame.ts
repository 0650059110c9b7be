/**
 * From a client's request to a `response.create` frame for a provider's WebSocket. A frame of a client's goes out as the
 * very bytes that came, unless something has to be said otherwise; then as views into them (request-views.ts).
 */
import type { ResponseCreate } from '../frames/response-create.ts';
import {
  inputViews,
  keptRuns,
  toRequestBody,
  type ExpandedInput,
  type RequestBody,
} from './request-views.ts';

/** What the provider's frame says otherwise than the client's. */
export interface FrameChanges {
  /** Undefined: as the client wrote it. */
  readonly model: string | undefined;
  /** The provider's WebSocket carries one lane only: the frame names none. */
  readonly isWithoutLane: boolean;
  /** Instead of `input`; `previous_response_id` then goes, unless the chain continues one of the provider's own. */
  readonly expanded: (ExpandedInput & { readonly providerBase: string | undefined }) | undefined;
  /** Replaces `client_metadata`; undefined: as the client wrote it. */
  readonly clientMetadata: Buffer | undefined;
  /** As in provider-body.ts. */
  readonly saysNoStore: boolean;
}

const OPEN = Buffer.from('{');
const OPEN_TYPED = Buffer.from('{"type":"response.create"');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from('}');
const NO_STORE = Buffer.from('"store":false');
const METADATA = Buffer.from('"client_metadata":');

/** Of a POST: what a socket implies (`stream`), and what it does not have. */
const OF_POSTS: ReadonlySet<string> = new Set(['type', 'stream', 'background']);
/** Of a nested request's envelope: written anew. */
const OF_ENVELOPES: ReadonlySet<string> = new Set(['type']);
const NOTHING: ReadonlySet<string> = new Set();

/** Builds the frame. Pure: the views are parts of the request, and not to be changed. */
export function toProviderFrame(create: ResponseCreate, changes: FrameChanges): RequestBody {
  const dropped = droppedBy(create, changes);
  const given = create.form === 'frame' ? NOTHING : create.form === 'body' ? OF_POSTS : OF_ENVELOPES;
  const isSame = create.form === 'frame' && dropped.size === 0 && isComplete(changes);
  if (isSame) return { views: [create.bytes], bytes: create.bytes.length };
  const views: Buffer[] = [create.form === 'frame' ? OPEN : OPEN_TYPED];
  let isFirst = create.form === 'frame';
  const put = (...parts: readonly Buffer[]): void => {
    if (!isFirst) views.push(COMMA);
    isFirst = false;
    views.push(...parts);
  };
  for (const run of keptRuns(create, (key) => dropped.has(key) || given.has(key))) put(run);
  const { model, clientMetadata, expanded } = changes;
  if (model !== undefined) put(Buffer.from(`"model":${JSON.stringify(model)}`));
  if (clientMetadata !== undefined) put(METADATA, clientMetadata);
  if (changes.saysNoStore) put(NO_STORE);
  if (expanded?.providerBase !== undefined) {
    put(Buffer.from(`"previous_response_id":${JSON.stringify(expanded.providerBase)}`));
  }
  if (expanded !== undefined) put(...inputViews(expanded));
  views.push(CLOSE);
  return toRequestBody(views);
}

/** Members of the client's that go, or are written anew. */
function droppedBy({ members, streamId }: ResponseCreate, changes: FrameChanges): ReadonlySet<string> {
  const replaced = new Set<string>();
  if (changes.model !== undefined) replaced.add('model');
  if (changes.isWithoutLane && streamId !== undefined) replaced.add('stream_id');
  if (changes.clientMetadata !== undefined) replaced.add('client_metadata');
  if (changes.expanded !== undefined) {
    replaced.add('input');
    replaced.add('previous_response_id');
  }
  return new Set(members.map(({ key }) => key).filter((key) => replaced.has(key)));
}

/** Nothing is to be written that the client did not. */
function isComplete({ model, clientMetadata, expanded, saysNoStore }: FrameChanges): boolean {
  return model === undefined && clientMetadata === undefined && expanded === undefined && !saysNoStore;
}
