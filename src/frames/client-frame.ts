/** What a client may say on the socket: one text message, one of these. */
import { memberOf, walkObject, type Member } from '../json/object-walk.ts';
import { refusal, type ErrorAnswer } from './errors.ts';
import { invalidJson, parseCreateFrame, readName, type ResponseCreate } from './response-create.ts';

export type ClientFrame =
  | { readonly kind: 'create'; readonly create: ResponseCreate }
  /** `bytes` is the whole frame, for a provider that takes it. */
  | { readonly kind: 'interrupt'; readonly responseId: string | undefined; readonly bytes: Buffer }
  /** `input` is the raw JSON value, to be given back when it is refused. */
  | {
      readonly kind: 'steer';
      readonly previousResponseId: string | undefined;
      readonly input: Buffer | undefined;
      readonly bytes: Buffer;
    }
  | {
      readonly kind: 'inject';
      readonly responseId: string | undefined;
      readonly input: Buffer | undefined;
      readonly bytes: Buffer;
    }
  /** An acknowledgement that older clients send; expects no reply, and an error would poison the next turn. */
  | { readonly kind: 'processed' }
  | {
      readonly kind: 'refused';
      readonly error: ErrorAnswer;
      readonly streamId: string | undefined;
      readonly reason: RefusalReason;
    };

/** Why a frame was refused, as metrics count it. */
export type RefusalReason =
  'invalid_json' | 'unknown_event' | 'legacy_event' | 'invalid_stream_id' | 'invalid_request';

/** Reads one text message. Never throws: what is wrong comes back as a `refused` frame with its error. */
export function parseClientFrame(bytes: Buffer): ClientFrame {
  const walk = walkObject(bytes);
  if (!walk.ok) return refuse('invalid_json', invalidJson('frame', walk.at, walk.expected));
  const { members } = walk;
  const type = readName(bytes, members, 'type');
  if (typeof type !== 'string') {
    return refuse(
      'unknown_event',
      refusal(
        'unknown_event',
        'The frame has no string `type`; a turn begins with "response.create".',
        'type',
      ),
    );
  }
  return readByType(type, bytes, members);
}

function readByType(type: string, bytes: Buffer, members: readonly Member[]): ClientFrame {
  // without a limit a client could have us give back as much as it likes; what is no id is none
  const id = (key: string): string | undefined => {
    const name = readName(bytes, members, key);
    return typeof name === 'string' ? name : undefined;
  };
  const raw = (key: string): Buffer | undefined => {
    const member = memberOf(members, key);
    return member === undefined ? undefined : bytes.subarray(member.start, member.end);
  };
  switch (type) {
    case 'response.create': {
      const parsed = parseCreateFrame(bytes, members);
      if (parsed.ok) return { kind: 'create', create: parsed.create };
      const reason =
        parsed.error.error.code === 'invalid_stream_id' ? 'invalid_stream_id' : 'invalid_request';
      return { kind: 'refused', error: parsed.error, streamId: parsed.streamId, reason };
    }
    case 'response.interrupt':
      return { kind: 'interrupt', responseId: id('response_id'), bytes };
    case 'response.steer':
      return { kind: 'steer', previousResponseId: id('previous_response_id'), input: raw('input'), bytes };
    case 'response.inject':
      return { kind: 'inject', responseId: id('response_id'), input: raw('input'), bytes };
    case 'response.processed':
      return { kind: 'processed' };
    case 'response.append':
      return refuse(
        'legacy_event',
        refusal(
          'legacy_event',
          '"response.append" belongs to a dialect of early 2026; send "response.create" with `previous_response_id`.',
          'type',
        ),
      );
    default:
      return refuse(
        'unknown_event',
        refusal(
          'unknown_event',
          'The frame\'s `type` is not known here; clients may send "response.create", "response.interrupt", ' +
            '"response.steer" and "response.inject". To cancel a response, interrupt it or close the socket.',
          'type',
        ),
      );
  }
}

function refuse(reason: RefusalReason, error: ErrorAnswer): ClientFrame {
  return { kind: 'refused', error, streamId: undefined, reason };
}
