import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MAX_PACKED_BYTES } from '../../../src/config/read-snapshot.ts';
import { SnapshotFolder } from '../../../src/config/snapshot-folder.ts';
import { until } from '../../harness/wait-for.ts';

const NEVER_MS = 3_600_000;

let folder: string;
let mounted: SnapshotFolder | undefined;
let seen: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-snapshot-'));
  seen = [];
});

afterEach(async () => {
  await mounted?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(times: { pollMs?: number; settleMs?: number } = {}): Promise<void> {
  mounted = new SnapshotFolder({
    path: folder,
    pollMs: 20,
    settleMs: 5,
    ...times,
    onSight: (sight) =>
      seen.push(
        sight.kind === 'packed' ? String(sight.packed) : sight.kind === 'missing' ? '-' : sight.reason,
      ),
  });
  await mounted.open();
}

/** Puts a whole file there at once: between the two steps of an ordinary write a file is empty. */
async function put(text: string): Promise<void> {
  await writeFile(join(folder, '.being-written'), text);
  await rename(join(folder, '.being-written'), join(folder, 'snapshot'));
}

/** What was seen in all, once there is so much. */
function sights(count: number): Promise<string[]> {
  return until(
    () => seen.length >= count && seen,
    `${String(count)} sights, of which there are ${seen.join()}`,
  );
}

/** As the kubelet writes a projected volume: a folder of its own, and one link that is swapped. */
async function project(version: string, text: string): Promise<void> {
  await mkdir(join(folder, version));
  await writeFile(join(folder, version, 'snapshot'), text);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

describe('a mounted Secret', () => {
  test('is seen at once when it is there, and its swaps are seen', async () => {
    await project('..2026_1', 'one');
    await symlink('..data/snapshot', join(folder, 'snapshot'));
    await open();
    expect(seen).toEqual(['one']);
    await project('..2026_2', 'two');
    expect(await sights(2)).toEqual(['one', 'two']);
    await project('..2026_3', 'three');
    expect(await sights(3)).toEqual(['one', 'two', 'three']);
  });

  test('is seen to be swapped without waiting for the next look', async () => {
    await project('..2026_1', 'one');
    await symlink('..data/snapshot', join(folder, 'snapshot'));
    await open({ pollMs: NEVER_MS });
    await project('..2026_2', 'two');
    expect(await sights(2)).toEqual(['one', 'two']);
  });

  test('may be missing, come, go and come again', async () => {
    await open();
    expect(seen).toEqual(['-']);
    await put('one');
    expect(await sights(2)).toEqual(['-', 'one']);
    await rm(join(folder, 'snapshot'));
    expect(await sights(3)).toEqual(['-', 'one', '-']);
    await put('one');
    expect(await sights(4)).toEqual(['-', 'one', '-', 'one']);
  });

  test('may be mounted later: the folder itself need not be there', async () => {
    await rm(folder, { recursive: true });
    await open();
    expect(seen).toEqual(['-']);
    await mkdir(folder);
    await put('one');
    expect(await sights(2)).toEqual(['-', 'one']);
  });

  test('that is written anew with equal content is nothing new', async () => {
    await put('one');
    await open();
    await put('one');
    await put('two');
    expect(await sights(2)).toEqual(['one', 'two']);
  });

  test('of more than a Secret can hold is not read', async () => {
    await writeFile(join(folder, 'snapshot'), Buffer.alloc(MAX_PACKED_BYTES + 1));
    await open();
    expect(seen).toEqual([expect.stringMatching(/snapshot is larger than 1048576 bytes/)]);
  });

  test('that is a folder is named, with what to do', async () => {
    await mkdir(join(folder, 'snapshot'));
    await open();
    expect(seen).toEqual([expect.stringMatching(/snapshot cannot be read \(EISDIR\)/)]);
  });
});

test('nothing is told after the close, which may be called twice', async () => {
  await open();
  await mounted?.close();
  await mounted?.close();
  await put('one');
  // another one sees it
  await open();
  expect(seen).toEqual(['-', 'one']);
});
