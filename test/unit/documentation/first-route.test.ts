/** The first route of one's own, as README and the guide write it: with the demo's route there, or after it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadFiles, type SourceFile } from '../../../src/config/load.ts';

const root = join(import.meta.dirname, '../../..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What the operator makes with `demo.enabled`: for every client and any host, and older than what comes after it. */
const demo: SourceFile = {
  name: 'demo',
  text: [
    'apiVersion: turnbridge.dev/v1alpha1',
    'kind: ResponsesRoute',
    'metadata: { name: demo, namespace: turnbridge }',
    'spec:',
    '  clients: { auth: { type: None } }',
    '  providers: [{ name: demo, url: http://turnbridge-demo.turnbridge.svc:8788/v1, auth: { type: None } }]',
  ].join('\n'),
};

/** Mistakes of these routes together, the demo's first. */
function mistakesOf(text: string): readonly string[] {
  return loadFiles([demo, { name: 'own', text }], {
    env: { OPENAI_API_KEY: 'a', TURNBRIDGE_KEY_ALICE: 'b', TURNBRIDGE_KEY_CI: 'c' },
    missingVariables: 'error',
    loopbackAllowed: false,
    missingReferences: 'Refused',
    bridgeName: 'default',
  })
    .problems.filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);
}

test('the route of docs/install.md is accepted beside the demo, and Codex reaches it by the address that the guide gives', () => {
  const guide = textOf('docs/install.md');
  const [, route = ''] = /<<'EOF'\n([\s\S]*?)\nEOF\n/.exec(guide) ?? [];
  const secrets = [...guide.matchAll(/create secret generic (\S+) --from-literal=(\w+)=/g)].map(
    ([, name = '', entry = '']) =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ai }\nstringData: { ${entry}: some-key }`,
  );
  const text = [route.replace('name: coding', 'name: coding, namespace: ai'), ...secrets].join('\n---\n');
  expect(mistakesOf(text)).toEqual([]);
  const [, codex = ''] = guide.split('\n## Codex\n');
  const [, host = ''] = /base_url = "http:\/\/([^/"]+)/.exec(codex) ?? [];
  const [, hostnames = ''] = /hostnames: \[(.*)\]/.exec(route) ?? [];
  expect(hostnames.split(', ')).toContain(host);
});

test('README takes the demo away before it applies a sample for any host, which would be refused beside it', () => {
  const [sample = ''] = /manifests\/samples\/\S+\.yaml(?= \| kubectl apply)/.exec(textOf('README.md')) ?? [];
  expect(mistakesOf(textOf(sample)).join()).toContain('belongs to namespace turnbridge');
  const [, step = ''] = textOf('README.md').split('A route is a resource:');
  const [before = ''] = step.split('| kubectl apply');
  expect(before).toContain('--set demo.enabled=false\n');
});
