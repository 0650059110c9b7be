import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { THIS_BRIDGE } from './middle.ts';

test('the image, npm and the bench start node with the same flags', async () => {
  const { scripts } = JSON.parse(await textOf('package.json')) as { scripts: Record<string, string> };
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(await textOf('Dockerfile'))?.[1] ?? '[]';
  const flags = flagsIn(THIS_BRIDGE);
  expect(flags).toEqual(['--max-semi-space-size=8']);
  expect(flagsIn(JSON.parse(entrypoint) as string[])).toEqual(flags);
  expect(flagsIn(scripts['start']?.split(' ') ?? [])).toEqual(flags);
  expect(flagsIn(scripts['turnbridge']?.split(' ') ?? [])).toEqual(flags);
});

function textOf(name: string): Promise<string> {
  return readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
}

function flagsIn(command: readonly string[]): string[] {
  return command.filter((word) => word.startsWith('--'));
}
