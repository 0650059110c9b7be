/** Whether the parsed content of a script file is a script. Everything is looked at; mistakes are collected. */
import { checkHeaders } from './check-headers.ts';
import { checkSteps } from './check-step.ts';
import { checkClose, checkWebSocket } from './check-websocket.ts';
import {
  each,
  list,
  mapping,
  oneOf,
  refuse,
  shown,
  string,
  truth,
  unknownName,
  wholeNumber,
} from './field.ts';
import type { Field } from './field.ts';
import { isObject } from './request-view.ts';
import { quirks } from './script.ts';
import { builtInScripts } from './scripts.ts';

const maxTimes = 1_000_000;
const maxWriteBytes = 1_048_576;

/** Notes every mistake of a script file's content in its `mistakes`. */
export function checkScript(file: Field): void {
  const fields = mapping(file, ['name', 'summary', 'rules', 'webSocket', 'previousIds'], 'a script');
  if (fields === undefined) return;
  each(fields, {
    name: string,
    summary: string,
    webSocket: checkWebSocket,
    previousIds: (field) => oneOf(field, ['ignored', 'checked', 'kept']),
  });
  const rules = fields.get('rules');
  if (rules === undefined)
    refuse(file, 'a script needs rules: write rules: [{ answer: [{ text: "Hello" }] }]');
  else for (const rule of list(rules, 'rules') ?? []) checkRule(rule);
}

function checkRule(rule: Field): void {
  const fields = mapping(rule, ['when', 'times', 'answer'], 'a rule');
  if (fields === undefined) return;
  each(fields, { when: checkWhen, times: (field) => wholeNumber(field, 1, maxTimes), answer: checkAnswer });
  if (!fields.has('answer')) {
    refuse(rule, 'a rule needs an answer: write answer: NAME of a built-in script, or a list of steps');
  }
}

function checkWhen(when: Field): void {
  const known = ['model', 'userText', 'lastItem', 'request', 'header', 'stream', 'path'];
  each(mapping(when, known, 'when'), {
    model: string,
    userText: checkUserText,
    lastItem: string,
    request: (field) => wholeNumber(field, 1, Number.MAX_SAFE_INTEGER),
    header: checkHeaders,
    stream: truth,
    path: checkPath,
  });
}

function checkUserText(userText: Field): void {
  const fields = mapping(userText, ['contains', 'regex'], 'userText');
  each(fields, { contains: string, regex: checkRegex });
  if (fields?.size === 0) refuse(userText, 'userText needs a condition: write contains: "…" or regex: "…"');
}

function checkRegex(regex: Field): void {
  const source = string(regex);
  if (source === undefined) return;
  try {
    new RegExp(source, 'u').test('');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(regex, `not a regular expression of JavaScript: ${reason}`);
  }
}

function checkPath(path: Field): void {
  const text = string(path);
  if (text !== undefined && !text.startsWith('/')) {
    refuse(path, `a path begins with a slash: write ${JSON.stringify(`/${text}`)}`);
  }
}

function checkAnswer(answer: Field): void {
  if (typeof answer.value === 'string') {
    const names = [...builtInScripts.keys()];
    if (!names.includes(answer.value))
      refuse(answer, unknownName('there is no built-in script', answer.value, names));
    return;
  }
  if (Array.isArray(answer.value)) {
    checkSteps(answer);
    return;
  }
  if (!isObject(answer.value)) {
    refuse(
      answer,
      `an answer is the name of a built-in script, a list of steps, or a mapping with steps, not ${shown(answer.value)}`,
    );
    return;
  }
  checkWholeAnswer(answer);
}

function checkWholeAnswer(answer: Field): void {
  const known = [
    'steps',
    'status',
    'headers',
    'form',
    'gzip',
    'quirks',
    'breakAfter',
    'writeBytes',
    'responseId',
  ];
  const fields = mapping(answer, known, 'an answer');
  each(fields, {
    steps: checkSteps,
    status: checkStatus,
    headers: checkHeaders,
    form: (field) => oneOf(field, ['events', 'json', 'html']),
    gzip: truth,
    quirks: (field) => list(field, 'quirks')?.forEach((quirk) => oneOf(quirk, quirks)),
    breakAfter: checkBreakAfter,
    writeBytes: (field) => wholeNumber(field, 1, maxWriteBytes),
    responseId: string,
  });
  const steps: unknown = fields?.get('steps')?.value;
  if (fields?.has('status') === true && Array.isArray(steps)) refuseStepsOfRefusal(answer, steps);
}

/** An answer with a status writes no events, so steps that do would be silently lost. */
function refuseStepsOfRefusal(answer: Field, steps: readonly unknown[]): void {
  const before = ['wait', 'stall', 'reset'];
  steps.forEach((step, at) => {
    const name = isObject(step) ? (Object.keys(step)[0] ?? '') : String(step);
    if (before.includes(name)) return;
    const path = [...answer.path, 'steps', at];
    refuse(
      { ...answer, path },
      `with a status only ${before.join(', ')} can be played, before it: remove this step, or the status`,
    );
  });
}

function checkHow(how: Field): void {
  if (!isObject(how.value)) {
    oneOf(how, ['stall', 'reset', 'end']);
    return;
  }
  const fields = mapping(how, ['close'], 'how');
  each(fields, { close: checkClose });
  if (fields?.size === 0) refuse(how, 'how needs a close: write how: { close: { code: 1011 } }');
}

function checkStatus(status: Field): void {
  const fields = mapping(status, ['code', 'headers', 'body'], 'status');
  // 101 and its like would end HTTP on the connection; they are no answers.
  each(fields, { code: (field) => wholeNumber(field, 200, 599), headers: checkHeaders });
  if (fields?.has('code') === false) refuse(status, 'status needs a code: write code: 503');
}

function checkBreakAfter(breakAfter: Field): void {
  const fields = mapping(breakAfter, ['events', 'how'], 'breakAfter');
  each(fields, {
    events: (field) => wholeNumber(field, 0, maxTimes),
    how: checkHow,
  });
  for (const name of ['events', 'how']) {
    if (fields?.has(name) === false)
      refuse(breakAfter, 'breakAfter needs both: write { events: 3, how: stall }');
  }
}
