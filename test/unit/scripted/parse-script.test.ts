import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { ScriptMistakes, parseScript } from '../../../src/scripted/parse-script.ts';
import type { Answer } from '../../../src/scripted/script.ts';

const fixture = (name: string): Promise<string> =>
  readFile(new URL(`../../fixtures/scripts/${name}`, import.meta.url), 'utf8');

function mistakesIn(text: string): readonly string[] {
  try {
    parseScript(text, 'my.yaml');
  } catch (error) {
    if (error instanceof ScriptMistakes) return error.lines;
    throw error;
  }
  return [];
}

/** The mistakes of one rule's answer, without their place. */
const answerMistakes = (answer: string): readonly string[] =>
  mistakesIn(`rules: [{ answer: ${answer} }]`).map((line) => line.replace(/^my\.yaml:\d+:\d+ /, ''));

describe('a script file', () => {
  test('may hold every step and every field there is', async () => {
    const script = parseScript(await fixture('every-step.yaml'), 'every-step.yaml');
    expect([script.name, script.rules.length]).toEqual(['every-step', 10]);
    const answer = script.rules[0]?.answer as Answer | undefined;
    expect(answer?.steps?.[0]).toEqual({ open: true });
    expect(script.rules[7]?.answer).toEqual([{ reset: true }]);
  });

  test('may be JSON', async () => {
    const script = parseScript(await fixture('retry-then-tool.json'), 'retry-then-tool.json');
    expect(script.rules.map((rule) => rule.answer)).toEqual([
      'overloaded',
      expect.any(Array),
      expect.any(Array),
    ]);
  });

  test('is called after its file when it has no name', () => {
    expect(parseScript('rules: [{ answer: hello }]', 'x.yaml').name).toBe('x.yaml');
  });
});

describe('the WebSockets of a script file', () => {
  const read = (section: string): unknown =>
    parseScript(`{ webSocket: ${section}, rules: [{ answer: hello }] }`, 'x.yaml').webSocket;

  test('are on, off, or settings', () => {
    expect([read('on'), read('off'), read('{}')]).toEqual(['on', 'off', {}]);
    expect(read('{ lanes: false, busy: refuse, steer: finish, refuse: { status: 426, body: x } }')).toEqual({
      lanes: false,
      busy: 'refuse',
      steer: 'finish',
      refuse: { status: 426, body: 'x' },
    });
  });

  test.each([
    ['true', 'webSocket is a mapping, not true: write lanes: …'],
    ['yes', 'there is no "yes": write one of on, off'],
    ['{ lane: 1 }', 'webSocket has no field "lane": write lanes'],
    ['{ lanes: 3 }', 'write true or false, not 3'],
    ['{ steer: true }', 'there is no "true": write one of off, cut, finish'],
    ['{ interrupt: stop }', 'there is no "stop": write one of off, end, ignore'],
    ['{ maxMessageBytes: 0 }', 'write a whole number from 1 to 1073741824, not 0'],
    ['{ pingEveryMs: 0 }', 'write a whole number from 1 to 86400000, not 0'],
    ['{ refuse: {} }', 'refuse needs a status: write status: 426'],
    ['{ refuse: { status: 101 } }', 'write a whole number from 200 to 599, not 101'],
    ['{ headers: { "a b": c } }', 'HTTP cannot carry this header'],
  ])('are explained where they are wrong: %s', (section, message) => {
    expect(mistakesIn(`{ webSocket: ${section}, rules: [{ answer: hello }] }`)).toEqual([
      expect.stringContaining(message),
    ]);
  });

  test.each([
    ['[{ close: { code: 1005 } }]', 'no close frame has the code 1005: write one from 1000 to 1014'],
    ['[{ close: { code: 2000 } }]', 'no close frame has the code 2000'],
    [`[{ close: { reason: ${'ä'.repeat(62)} } }]`, 'a reason has at most 123 bytes: shorten it'],
    ['[close]', 'a step of one word cannot be "close"'],
    ['{ breakAfter: { events: 1, how: {} } }', 'how needs a close: write how: { close: { code: 1011 } }'],
  ])('close as close frames can: %s', (answer, message) => {
    expect(answerMistakes(answer)).toEqual([expect.stringContaining(message)]);
  });

  test('may be closed with every code and reason that a close frame can have', () => {
    const closes = ['{}', '{ code: 1000 }', '{ code: 1014, reason: "" }', '{ code: 4999, reason: bye }'];
    for (const close of closes) expect(answerMistakes(`[{ close: ${close} }, { binary: x }]`)).toEqual([]);
  });

  test('have a memory for HTTP beside them', () => {
    expect(mistakesIn('{ previousIds: kept, rules: [{ answer: hello }] }')).toEqual([]);
    expect(mistakesIn('{ previousIds: all, rules: [{ answer: hello }] }')).toEqual([
      expect.stringContaining('there is no "all": write one of ignored, checked, kept'),
    ]);
  });
});

describe('mistakes', () => {
  test('are told all at once, each with line, column and path', () => {
    const text = [
      'rules:',
      '  - when: { modle: x, request: 0 }',
      '    answer:',
      '      - txt: hi',
      '      - wait: soon',
      '      - stall',
      '      - stal',
      '  - answer: helo',
      '  - times: 2',
      'rulse: 1',
    ].join('\n');
    expect(mistakesIn(text)).toEqual([
      'my.yaml:10:8 rulse: a script has no field "rulse": write rules',
      'my.yaml:2:20 rules[0].when.modle: when has no field "modle": write model',
      'my.yaml:2:32 rules[0].when.request: write a whole number from 1 to 9007199254740991, not 0',
      'my.yaml:4:14 rules[0].answer[0].txt: there is no step "txt": write text',
      'my.yaml:5:15 rules[0].answer[1].wait: write a whole number from 0 to 3600000, not "soon"',
      'my.yaml:7:9 rules[0].answer[3]: a step of one word cannot be "stal": write stall',
      'my.yaml:8:13 rules[1].answer: there is no built-in script "helo": write hello',
      'my.yaml:9:5 rules[2]: a rule needs an answer: write answer: NAME of a built-in script, or a list of steps',
    ]);
  });

  test('of YAML itself have a place, too', () => {
    expect(mistakesIn('rules: [')).toEqual([expect.stringMatching(/^my\.yaml:1:9: /)]);
  });

  test.each([
    ['', 'a script is a mapping, not nothing: write name: …, summary: …, rules: …'],
    ['name: x', 'a script needs rules: write rules: [{ answer: [{ text: "Hello" }] }]'],
    ['rules: []', 'rules is a list with at least one entry, not an empty list'],
    ['rules: [1]', 'a rule is a mapping, not 1: write when: …, times: …, answer: …'],
    ['{ name: 5, rules: [{ answer: hello }] }', 'write a text here, not 5: "5" with quotes is one'],
    ['rules: [{ times: 0, answer: hello }]', 'write a whole number from 1 to 1000000, not 0'],
    [
      'rules: [{ when: { userText: {} }, answer: hello }]',
      'userText needs a condition: write contains: "…" or regex: "…"',
    ],
    [
      'rules: [{ when: { userText: { regex: "(" } }, answer: hello }]',
      'not a regular expression of JavaScript',
    ],
    ['rules: [{ when: { path: models }, answer: hello }]', 'a path begins with a slash: write "/models"'],
    ['rules: [{ when: { stream: yes }, answer: hello }]', 'write true or false, not "yes"'],
    [
      'rules: [{ when: { header: x }, answer: hello }]',
      'headers are a mapping, not "x": write { x-name: "value" }',
    ],
  ])('in rules are explained: %s', (text, message) => {
    expect(mistakesIn(text)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['5', 'an answer is the name of a built-in script, a list of steps, or a mapping with steps, not 5'],
    ['{ form: xml }', 'there is no "xml": write one of events, json, html'],
    ['{ quirks: [don] }', 'there is no "don": write done'],
    ['{ quirks: done }', 'quirks is a list with at least one entry, not "done"'],
    ['{ status: { body: x } }', 'status needs a code: write code: 503'],
    ['{ status: { code: 101 } }', 'write a whole number from 200 to 599, not 101'],
    [
      '{ status: { code: 500 }, steps: [{ text: a }] }',
      'with a status only wait, stall, reset can be played',
    ],
    ['{ headers: { "a b": c } }', 'HTTP cannot carry this header'],
    ['{ headers: { a: "1\\n2" } }', 'HTTP cannot carry this header'],
    ['{ headers: { retry-after: 1 } }', 'write a text here, not 1: "1" with quotes is one'],
    ['{ breakAfter: { events: 3 } }', 'breakAfter needs both: write { events: 3, how: stall }'],
    ['{ breakAfter: { events: 3, how: die } }', 'there is no "die": write one of stall, reset, end'],
    ['{ writeBytes: 0 }', 'write a whole number from 1 to 1048576, not 0'],
    ['{ gzip: 1 }', 'write true or false, not 1'],
    ['[]', 'a list of steps is a list with at least one entry, not an empty list'],
    ['[5]', 'a step is a mapping, not 5: write text: "…", or another of text, toolCall'],
    [
      '[hello there]',
      'a step of one word cannot be "hello there": write one of begin, open, end, stall, reset, text:',
    ],
    ['[{ wait: 1, stall: true }]', 'a step is one thing, not wait and stall: write one step for each'],
    ['[{}]', 'a step is one thing, not nothing: write one step for each'],
    ['[{ stall: false }]', 'write true, not false: leave the step out where it shall not happen'],
    ['[{ until: 1 }]', 'there is no step "until": write one of text'],
    [
      '[{ text: a, delay: 5 }]',
      'a text step has no field "delay": write one of text, repeat, chunkBytes, delayMs',
    ],
    ['[{ text: a, phase: x }]', 'there is no "x": write one of commentary, final_answer'],
    [
      '[{ text: "xxxxxxxxxx", repeat: 1000000, chunkBytes: 0 }]',
      'write a whole number from 1 to 67108864, not 0',
    ],
    [
      '[{ text: "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz", repeat: 1000000 }]',
      'the text is longer than 67108864 bytes in all: lower repeat',
    ],
    ['[{ toolCall: { arguments: {} } }]', 'toolCall needs name: write toolCall: { name: "…" }'],
    ['[{ toolCall: { name: f, kind: x } }]', 'there is no "x": write one of function, custom'],
    ['[{ fail: { code: x } }]', 'fail needs message: write fail: { code: "…", message: "…" }'],
    ['[{ error: boom }]', 'error is a mapping, not "boom": write code: …, message: …'],
    ['[{ event: { delta: x } }]', 'it needs a type: write type: response.output_text.delta in an event'],
    ['[{ item: message }]', 'write a mapping, not "message"'],
    ['[{ complete: { usage: 5 } }]', 'write a mapping, not 5'],
    ['[{ incomplete: "" }]', 'write a text here, not an empty one'],
  ])('in answers are explained: %s', (answer, message) => {
    expect(answerMistakes(answer)).toEqual([expect.stringContaining(message)]);
  });

  test('do not include a file that is far too large', () => {
    expect(mistakesIn(`# ${'x'.repeat(4 * 1_048_576)}`)).toEqual([
      'my.yaml: larger than 4194304 bytes: shorten it, a text step can repeat',
    ]);
  });
});
