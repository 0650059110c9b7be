/**
 * From a client's request to the body of a POST: a list of views into the bytes that came, with the few members
 * replaced that have to be (request-views.ts).
 *
 * ```
 *   {"type":"response.create","model":"a","input":[d],"tools":[…],"previous_response_id":"r1"}
 *    └── dropped ────────────┘ └ mapped ┘ └ parent's items, d ┘ └ one view ┘ └ dropped ────┘
 * ```
 */
import type { ResponseCreate } from '../frames/response-create.ts';
import { inputViews, keptRuns, toRequestBody, type RequestBody } from './request-views.ts';

/** What the provider's request says otherwise than the client's. */
export interface BodyChanges {
  /** Undefined: as the client wrote it. */
  readonly model: string | undefined;
  /** Items that come before the client's own, as joined bytes without brackets. Undefined: `input` stays as it is. */
  readonly earlierItems: readonly Buffer[] | undefined;
  /** The client's own items, joined; used with `earlierItems` only. */
  readonly ownItems: Buffer;
  /** `previous_response_id` to send; undefined: none. */
  readonly previousResponseId: string | undefined;
  /** Replaces `client_metadata`; undefined: as the client wrote it. */
  readonly clientMetadata: Buffer | undefined;
  /** `store: false` is written: the client says nothing of it, and the backend refuses what it does not say. */
  readonly saysNoStore: boolean;
}

/** Members that exist on the socket only, or that we set ourselves. */
const ENVELOPE = new Set([
  'type',
  'stream_id',
  'event_id',
  'generate',
  'background',
  'stream',
  'previous_response_id',
]);

const COMMA = Buffer.from(',');
const NO_STORE = Buffer.from(',"store":false');
const METADATA = Buffer.from(',"client_metadata":');
const END = Buffer.from('}');

/** Builds the body for a provider that is reached over HTTP. Always streams. */
export function toProviderBody(create: ResponseCreate, changes: BodyChanges): RequestBody {
  const views: Buffer[] = [];
  const previous =
    changes.previousResponseId === undefined
      ? ''
      : `,"previous_response_id":${JSON.stringify(changes.previousResponseId)}`;
  views.push(Buffer.from(`{"stream":true${previous}`));
  const replaced = new Set<string>();
  if (changes.model !== undefined) replaced.add('model');
  if (changes.earlierItems !== undefined) replaced.add('input');
  if (changes.clientMetadata !== undefined) replaced.add('client_metadata');
  const runs = keptRuns(create, (key) => ENVELOPE.has(key) || replaced.has(key));
  for (const run of runs) views.push(COMMA, run);
  for (const view of replacedMembers(changes)) views.push(view);
  views.push(END);
  return toRequestBody(views);
}

function* replacedMembers(changes: BodyChanges): Generator<Buffer> {
  if (changes.model !== undefined) yield Buffer.from(`,"model":${JSON.stringify(changes.model)}`);
  if (changes.clientMetadata !== undefined) {
    yield METADATA;
    yield changes.clientMetadata;
  }
  if (changes.saysNoStore) yield NO_STORE;
  const { earlierItems, ownItems } = changes;
  if (earlierItems === undefined) return;
  yield COMMA;
  yield* inputViews({ earlierItems, ownItems });
}
