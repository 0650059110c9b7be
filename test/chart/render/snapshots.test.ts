/**
 * What each template prints for each of the chart's own values files, as it stood when somebody last looked: a change of
 * a template shows in a review what it does to those who install it. `-u` takes what is new.
 */
import { expect, test } from '@jest/globals';
import { renderText, type Values } from '../render.ts';
import { CI_API_VERSIONS, ciValues } from './ci-values.ts';

/** Long, and compared with the file that they are copied from by other tests. */
const COPIES = /templates\/(?:crds\/|monitoring\/(?:dashboards|prometheus-rule))/;

/** Text of each template that printed something, by its path. */
async function templatesOf(values: Values): Promise<ReadonlyMap<string, string>> {
  const text = await renderText(values, { apiVersions: CI_API_VERSIONS });
  const found = new Map<string, string>();
  for (const document of text.split(/^---\n/m)) {
    const [, path, body] = /^# Source: turnbridge\/(\S+)\n([\s\S]*)$/.exec(document) ?? [];
    if (path === undefined || body === undefined || COPIES.test(path)) continue;
    found.set(path, `${found.get(path) ?? ''}---\n${body.trim()}\n`);
  }
  return found;
}

const plain = await templatesOf({});

test.each([...plain])('%s prints what it printed, for somebody without values', (_path, text) => {
  expect(text).toMatchSnapshot();
});

test.each(ciValues)('%s-values.yaml changes what it changed, and nothing else', async (_name, values) => {
  const printed = await templatesOf(values);
  const changed = [...printed].filter(([path, text]) => plain.get(path) !== text);
  const gone = [...plain.keys()].filter((path) => !printed.has(path));
  expect({ changed: Object.fromEntries(changed), gone }).toMatchSnapshot();
});
