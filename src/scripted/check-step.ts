/** Whether the steps of a script file are steps. */
import { checkClose } from './check-websocket.ts';
import {
  anyMapping,
  list,
  mapping,
  oneOf,
  onlyTrue,
  refuse,
  shown,
  string,
  truth,
  unknownName,
  wholeNumber,
} from './field.ts';
import type { Field } from './field.ts';
import { isObject } from './request-view.ts';

/** An hour: longer than any client waits. */
const maxWaitMs = 3_600_000;
const maxRepeat = 1_000_000;
/** The last events of a message hold its whole text: beyond this they are larger than any reader takes. */
const maxTextBytes = 64 * 1_048_576;

/** Steps without a setting may be written as one word: `- stall`. */
const bareSteps: readonly string[] = ['begin', 'open', 'end', 'stall', 'reset'];

const text = (field: Field): unknown => string(field, { mayBeEmpty: true });

/** The fields of a step that is a mapping, and the check of each. */
type Shape = Readonly<Record<string, (field: Field) => unknown>>;

const settings: Readonly<Record<string, { readonly required: readonly string[]; readonly fields: Shape }>> = {
  toolCall: {
    required: ['name'],
    fields: {
      name: string,
      arguments: () => undefined,
      input: text,
      kind: (field) => oneOf(field, ['function', 'custom']),
      namespace: string,
      callId: string,
    },
  },
  reasoning: { required: ['summary'], fields: { summary: text, encrypted: text } },
  fail: { required: ['code', 'message'], fields: { code: string, message: text } },
  error: {
    required: ['message'],
    fields: {
      code: nullOr(string),
      message: text,
      type: string,
      param: nullOr(string),
      status: (field) => wholeNumber(field, 100, 599),
      headers: anyMapping,
      form: (field) => oneOf(field, ['nested', 'flat']),
    },
  },
  complete: { required: [], fields: { usage: nullOr(anyMapping), response: anyMapping } },
};

const stepChecks: Readonly<Record<string, (field: Field) => unknown>> = {
  text,
  ...Object.fromEntries(
    Object.keys(settings).map((name): [string, (field: Field) => void] => [
      name,
      (field) => checkSettings(field, name),
    ]),
  ),
  item: checkTyped,
  event: checkTyped,
  raw: text,
  comment: text,
  binary: text,
  close: checkClose,
  wait: (field) => wholeNumber(field, 0, maxWaitMs),
  incomplete: string,
  ...Object.fromEntries(bareSteps.map((name) => [name, onlyTrue])),
};

/** Every kind of step a file may hold. */
export const stepNames: readonly string[] = Object.keys(stepChecks);

const textOptions: Shape = {
  repeat: (field) => wholeNumber(field, 1, maxRepeat),
  chunkBytes: (field) => wholeNumber(field, 1, maxTextBytes),
  delayMs: (field) => wholeNumber(field, 0, maxWaitMs),
  phase: (field) => oneOf(field, ['commentary', 'final_answer']),
  unfinished: truth,
};

/** Notes every mistake of a list of steps. */
export function checkSteps(steps: Field): void {
  for (const step of list(steps, 'a list of steps') ?? []) checkStep(step);
}

/** A step as it is used: `stall` becomes `{ stall: true }`. */
export function toStep(step: unknown): unknown {
  return typeof step === 'string' ? { [step]: true } : step;
}

function checkStep(step: Field): void {
  if (typeof step.value === 'string') {
    if (!bareSteps.includes(step.value)) {
      const instead = [...bareSteps, `text: ${shown(step.value)}`];
      refuse(step, unknownName('a step of one word cannot be', step.value, instead));
    }
    return;
  }
  if (!isObject(step.value)) {
    refuse(
      step,
      `a step is a mapping, not ${shown(step.value)}: write text: "…", or another of ${stepNames.join(', ')}`,
    );
    return;
  }
  if ('text' in step.value) {
    checkText(step);
    return;
  }
  const names = Object.keys(step.value);
  const [name] = names;
  if (names.length !== 1 || name === undefined) {
    refuse(
      step,
      `a step is one thing, not ${names.length === 0 ? 'nothing' : names.join(' and ')}: write one step for each`,
    );
    return;
  }
  const inner: Field = { ...step, value: step.value[name], path: [...step.path, name] };
  const check = stepChecks[name];
  if (check === undefined) refuse(inner, unknownName('there is no step', name, stepNames));
  else check(inner);
}

function checkText(step: Field): void {
  const fields = mapping(step, ['text', ...Object.keys(textOptions)], 'a text step');
  for (const [name, field] of fields ?? []) (name === 'text' ? text : textOptions[name])?.(field);
  const said: unknown = fields?.get('text')?.value;
  const repeat: unknown = fields?.get('repeat')?.value ?? 1;
  if (typeof said !== 'string' || typeof repeat !== 'number') return;
  if (Buffer.byteLength(said) * repeat > maxTextBytes) {
    refuse(step, `the text is longer than ${String(maxTextBytes)} bytes in all: lower repeat`);
  }
}

function checkSettings(field: Field, name: string): void {
  const { required, fields } = settings[name] ?? { required: [], fields: {} };
  const given = mapping(field, Object.keys(fields), name);
  if (given === undefined) return;
  for (const [key, inner] of given) fields[key]?.(inner);
  for (const key of required) {
    if (!given.has(key))
      refuse(
        field,
        `${name} needs ${key}: write ${name}: { ${required.map((each) => `${each}: "…"`).join(', ')} }`,
      );
  }
}

function checkTyped(field: Field): void {
  if (!isObject(field.value)) anyMapping(field);
  else if (typeof field.value['type'] !== 'string') {
    refuse(
      field,
      'it needs a type: write type: response.output_text.delta in an event, type: message in an item',
    );
  }
}

function nullOr(check: (field: Field) => unknown): (field: Field) => unknown {
  return (field) => (field.value === null ? undefined : check(field));
}
