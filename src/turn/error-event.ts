/** What a provider says went wrong, read from its `error` or `response.failed` event: nested, or flat as the schema has it. */
import { isJsonObject } from '../json/json-object.ts';
import { MAX_VALUE_BYTES, memberOf, membersOf, valueOf, type Member } from '../json/object-walk.ts';

/** An error as an event tells it. */
export interface ToldError {
  /** The event's own, else that of its code or type; undefined when these do not say. */
  readonly status: number | undefined;
  /** Names in lower case: those that clients act on. */
  readonly headers: Readonly<Record<string, string>>;
  /** `type`, `code`, `message`, `param` and what else was there; of any shape. */
  readonly error: unknown;
}

/** Reads an `error` event. */
export function readErrorEvent(payload: Buffer): ToldError {
  const members = membersOf(payload);
  const read = (key: string): unknown => {
    const member = memberOf(members, key);
    return member === undefined ? undefined : valueOf(payload, member);
  };
  const given = read('status') ?? read('status_code');
  const error = readError(payload, memberOf(members, 'error')) ?? {
    type: 'server_error',
    code: read('code'),
    message: read('message'),
    param: read('param'),
  };
  const status = typeof given === 'number' && given >= 400 && given <= 599 ? given : statusOfError(error);
  return { status, headers: toHeaders(read('headers')), error };
}

/** The `error` of a `response.failed` event's response; undefined when there is none. */
export function readFailedEvent(payload: Buffer): unknown {
  const response = memberOf(membersOf(payload), 'response');
  const inner = response === undefined ? [] : membersOf(payload, response);
  return readError(payload, memberOf(inner, 'error'));
}

/** An error's value; of one too large to be parsed, what decides how it is told. */
function readError(payload: Buffer, error: Member | undefined): unknown {
  if (error === undefined) return undefined;
  if (error.end - error.start <= MAX_VALUE_BYTES) return valueOf(payload, error);
  const kept = membersOf(payload, error).filter(({ key }) => key === 'code' || key === 'type');
  return Object.fromEntries(kept.map((member) => [member.key, valueOf(payload, member)]));
}

/** Codes whose status the event did not give; without one the client would ignore the frame. */
const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries({
    rate_limit_exceeded: 429,
    insufficient_quota: 429,
    usage_limit_reached: 429,
    usage_not_included: 429,
    billing_hard_limit_reached: 429,
    server_is_overloaded: 503,
    slow_down: 503,
    previous_response_not_found: 400,
    context_length_exceeded: 400,
    invalid_prompt: 400,
    invalid_request_error: 400,
    model_not_found: 404,
    invalid_api_key: 401,
  }),
);

/** The status that an error's code or type stands for; undefined when they do not say. */
export function statusOfError(error: unknown): number | undefined {
  if (!isJsonObject(error)) return undefined;
  for (const word of [error['code'], error['type']]) {
    const status = typeof word === 'string' ? STATUS_OF_CODE.get(word) : undefined;
    if (status !== undefined) return status;
    if (typeof word === 'number' && word >= 400 && word <= 599) return word;
  }
  return undefined;
}

/** Characters that a header value may have (RFC 9110 5.5); an event may hold any. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/;
const HEADER_NAME = /^(?:retry-after|retry-after-ms|x-ratelimit-[a-z0-9-]{1,64}|x-codex-[a-z0-9-]{1,64})$/;

/** The `headers` of an error event that clients act on. */
function toHeaders(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {};
  const headers: Record<string, string> = {};
  for (const [given, field] of Object.entries(value)) {
    const name = given.toLowerCase();
    const text = typeof field === 'number' ? String(field) : field;
    if (HEADER_NAME.test(name) && typeof text === 'string' && HEADER_TEXT.test(text)) headers[name] = text;
  }
  return headers;
}
