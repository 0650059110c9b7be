import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { stepNames } from '../../../src/scripted/check-step.ts';
import { placeholderNames } from '../../../src/scripted/fill-in.ts';
import { parseScript } from '../../../src/scripted/parse-script.ts';
import { webSocketSettingNames } from '../../../src/scripted/check-websocket.ts';
import { quirks } from '../../../src/scripted/script.ts';
import { openScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { builtInScripts } from '../../../src/scripted/scripts.ts';
import { connect } from '../../harness/connect.ts';
import { ask, doneItems, saidIn } from './ask.ts';

const page = readFileSync(new URL('../../../docs/scripted-provider.md', import.meta.url), 'utf8');

/** First cells of the tables below a heading, up to the next heading of any level. */
function namesBelow(heading: string): readonly string[] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` /gm)].map((match) => match[1] ?? '');
}

test('the page lists every built-in script, with the words of --list', () => {
  expect(namesBelow('Built-in scripts')).toEqual([...builtInScripts.keys()]);
  const plain = page.replaceAll('`', '').replaceAll('"', '').replace(/ +/g, ' ');
  for (const [name, { summary = '' }] of builtInScripts) {
    expect(plain).toContain(`| ${name} | ${summary.replaceAll('"', '')} |`);
  }
});

test('the page lists every step, quirk, placeholder and setting of WebSockets', () => {
  expect([...namesBelow('Steps')].sort()).toEqual([...stepNames].sort());
  expect(namesBelow('Quirks')).toEqual([...quirks]);
  expect(namesBelow('WebSockets').slice(-webSocketSettingNames.length)).toEqual(webSocketSettingNames);
  for (const name of placeholderNames) expect(page).toContain(`\`{{${name}}}\``);
});

test('the example script does what the page says', async () => {
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  await using provider = await openScriptedProvider({ script: parseScript(example, 'example.yaml') });
  const question = { role: 'user', content: 'How is the weather?' };
  const turn = { model: 'gpt-5.5', input: [question] };
  const busy = [await ask(provider.url, turn), await ask(provider.url, turn)];
  expect(busy.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual([
    [503, '1'],
    [503, '1'],
  ]);
  const [call] = doneItems(await ask(provider.url, turn));
  expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city":"Paris"}' });
  const output = { type: 'function_call_output', call_id: call?.['call_id'], output: 'sunny' };
  const answer = await ask(provider.url, { ...turn, input: [question, call, output] });
  expect(saidIn(answer)).toBe('It is sunny.');
  const other = await ask(provider.url, { model: 'other', input: 'Who are you?' });
  expect(saidIn(other)).toBe('other was asked: Who are you?');
  expect(other.otherData).toEqual(['[DONE]']);
  expect(other.headers.get('x-codex-turn-state')).toBe('demo');
});

test('the example of WebSockets does what the page says', async () => {
  const example = [...page.matchAll(/```yaml\n(.*?)```/gs)][1]?.[1] ?? '';
  await using provider = await openScriptedProvider({ script: parseScript(example, 'example.yaml') });
  for (let at = 0; at < 2; at += 1) {
    await expect(connect(`${provider.url}/responses`)).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
  }
  await using client = await connect(`${provider.url}/responses`);
  client.create({ model: 'm', input: 'Hi' });
  expect(await client.closed).toEqual({ code: 1011, reason: 'gone' });
  expect(client.frames).toHaveLength(4);
});
