/** Whether the `webSocket` section of a script file is one, and the closes in its steps. */
import { each, mapping, oneOf, refuse, shown, string, truth, wholeNumber } from './field.ts';
import { checkHeaders } from './check-headers.ts';
import type { Field } from './field.ts';

/** A day: longer than any test. */
const maxMs = 86_400_000;
const maxTimes = 1_000_000;
/** Of a close frame: 125 bytes without its code. */
const maxReasonBytes = 123;

const ms = (field: Field): unknown => wholeNumber(field, 0, maxMs);
const someMs = (field: Field): unknown => wholeNumber(field, 1, maxMs);

const checks: Readonly<Record<string, (field: Field) => unknown>> = {
  lanes: truth,
  busy: (field) => oneOf(field, ['queue', 'refuse']),
  steer: (field) => oneOf(field, ['off', 'cut', 'finish']),
  inject: truth,
  interrupt: (field) => oneOf(field, ['off', 'end', 'ignore']),
  maxAgeMs: ms,
  maxMessageBytes: (field) => wholeNumber(field, 1, 2 ** 30),
  refuse: checkRefusal,
  stallUpgrade: ms,
  headers: checkHeaders,
  closeAfterIdleMs: someMs,
  pingEveryMs: someMs,
  ignorePings: truth,
  errorsWithoutType: truth,
  greeting: string,
};

/** Every setting a file may have. */
export const webSocketSettingNames: readonly string[] = Object.keys(checks);

/** Notes every mistake of a `webSocket` section: `on`, `off`, or settings. */
export function checkWebSocket(field: Field): void {
  if (typeof field.value === 'string') oneOf(field, ['on', 'off']);
  else each(mapping(field, webSocketSettingNames, 'webSocket'), checks);
}

function checkRefusal(refusal: Field): void {
  const fields = mapping(refusal, ['status', 'headers', 'body', 'times'], 'refuse');
  each(fields, {
    status: (field) => wholeNumber(field, 200, 599),
    headers: checkHeaders,
    times: (field) => wholeNumber(field, 1, maxTimes),
  });
  if (fields?.has('status') === false) refuse(refusal, 'refuse needs a status: write status: 426');
}

/** Notes every mistake of a `close`: its code and its reason. */
export function checkClose(close: Field): void {
  each(mapping(close, ['code', 'reason'], 'close'), {
    code: checkCode,
    reason: (field) => {
      const reason = string(field, { mayBeEmpty: true }) ?? '';
      if (Buffer.byteLength(reason) > maxReasonBytes)
        refuse(field, `a reason has at most ${String(maxReasonBytes)} bytes: shorten it`);
    },
  });
}

function checkCode(field: Field): void {
  const { value } = field;
  const isCode =
    typeof value === 'number' &&
    Number.isInteger(value) &&
    ((value >= 1000 && value <= 1014 && ![1004, 1005, 1006].includes(value)) ||
      (value >= 3000 && value <= 4999));
  if (isCode) return;
  refuse(
    field,
    `no close frame has the code ${shown(value)}: write one from 1000 to 1014 without 1004 to 1006, or from 3000 to 4999`,
  );
}
