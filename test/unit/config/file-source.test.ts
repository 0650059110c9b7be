import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openFileSource } from '../../../src/config/file-source.ts';
import type { FileSource, FileSourceOptions } from '../../../src/config/file-source.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { Snapshot } from '../../../src/route/snapshot.ts';

const NEVER_MS = 3_600_000;

let folder: string;
let opened: FileSource[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-file-source-'));
  opened = [];
});

afterEach(async () => {
  for (const source of opened) await source.close();
  await rm(folder, { recursive: true, force: true });
});

function route(name: string): string {
  return `
apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: ${name} }
spec: { providers: [{ name: a, url: 'https://${name}.example.com/v1' }] }
`;
}

/**
 * Puts a whole file there at once. Between the two steps of an ordinary write a file is empty, and on a busy machine
 * the short settling time of these tests may pass just then.
 */
async function put(path: string, text: string): Promise<void> {
  const hidden = join(dirname(path), '.being-written');
  await writeFile(hidden, text);
  await rename(hidden, path);
}

/** What a source told, in order; `next` waits for the next thing that was not awaited yet. */
class Heard {
  readonly #told: string[] = [];
  readonly #waiting: ((what: string) => void)[] = [];

  readonly options: Pick<FileSourceOptions, 'onSnapshot' | 'onProblems'> = {
    onSnapshot: (snapshot) => this.#tell(`serve ${names(snapshot)}`),
    onProblems: (problems) => this.#tell(`problems ${problems.map(formatProblem).join('; ') || 'none'}`),
  };

  get untold(): number {
    return this.#told.length;
  }

  next(): Promise<string> {
    const told = this.#told.shift();
    if (told !== undefined) return Promise.resolve(told);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #tell(what: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#told.push(what);
    else waiting(what);
  }
}

function names(snapshot: Snapshot | undefined): string {
  return snapshot?.routes.map(({ id }) => id.replace('default/', '')).join(',') ?? 'nothing';
}

async function open(
  path: string,
  options: Partial<FileSourceOptions> = {},
): Promise<{ source: FileSource; heard: Heard; first: string }> {
  const heard = new Heard();
  const source = await openFileSource(path, {
    env: {},
    pollMs: 20,
    settleMs: 5,
    ...heard.options,
    ...options,
  });
  opened.push(source);
  const first =
    source.first.kind === 'loaded'
      ? names(source.first.snapshot)
      : source.first.problems.map(formatProblem).join('; ');
  return { source, heard, first };
}

describe('the first load', () => {
  test('of a file takes it whatever its name is', async () => {
    await put(join(folder, 'routes.txt'), route('one'));
    expect((await open(join(folder, 'routes.txt'))).first).toBe('one');
  });

  test('of a folder takes what is in it and below, by path, without hidden names and other kinds of files', async () => {
    await mkdir(join(folder, 'below/..data'), { recursive: true });
    await put(
      join(folder, 'z.yaml'),
      route('z').replace('spec:', 'spec: { match: { paths: [/z] },').replace('{ providers', ' providers'),
    );
    await put(join(folder, 'below/b.json'), '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}');
    await put(join(folder, 'below/a.yml'), route('a'));
    await put(join(folder, 'below/..data/hidden.yaml'), 'broken: [');
    await put(join(folder, '.hidden.yaml'), 'broken: [');
    await put(join(folder, '..2026.yaml'), 'broken: [');
    await put(join(folder, 'README.md'), 'broken: [');
    expect((await open(folder)).first).toBe('a,z');
  });

  test('of what is not there says so', async () => {
    const path = join(folder, 'nowhere');
    expect((await open(path)).first).toBe(
      `${path}: error: there is no such file or folder; write the path of one`,
    );
  });

  test('of an empty folder is no mistake, and the first route counts when it comes', async () => {
    const { first, heard } = await open(folder);
    expect(first).toBe('nothing');
    await put(join(folder, 'a.yaml'), route('a'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve a']);
  });

  test('expands variables from the environment it is given', async () => {
    const path = join(folder, 'a.yaml');
    await put(path, `{ apiVersion: v1, kind: Secret, metadata: { name: s }, stringData: { a: '\${A}' } }`);
    expect((await open(path, { env: { A: 'a' } })).first).toBe('nothing');
    expect((await open(path)).first).toMatch(/environment variable A is not set/);
  });

  test('allows providers on this machine', async () => {
    await put(join(folder, 'a.yaml'), route('a').replace('https://a.example.com', 'http://127.0.0.1:1'));
    expect((await open(folder)).first).toBe('a');
  });

  test('ends where links lead in a circle', async () => {
    await mkdir(join(folder, 'inner'));
    await symlink('..', join(folder, 'inner/circle'));
    await put(join(folder, 'inner/a.yaml'), route('a'));
    expect((await open(folder)).first).toBe('a');
  });

  test('names a link that leads nowhere', async () => {
    await symlink('nowhere', join(folder, 'a.yaml'));
    expect((await open(folder)).first).toMatch(/a\.yaml: error: there is no such file or folder/);
  });
});

describe('a change', () => {
  test('is heard from the system at once, without waiting for the poll', async () => {
    const path = join(folder, 'routes.yaml');
    await put(path, route('one'));
    const { heard } = await open(path, { pollMs: NEVER_MS });
    await put(path, route('two'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve two']);
    await put(path, route('three'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve three']);
  });

  test('in a subfolder that was made later is heard as well', async () => {
    const { heard } = await open(folder, { pollMs: NEVER_MS });
    await mkdir(join(folder, 'later'));
    await put(join(folder, 'later/a.yaml'), route('a'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve a']);
    await put(join(folder, 'later/a.yaml'), route('b'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve b']);
  });

  test('that the system does not report is found by the poll', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'turnbridge-elsewhere-'));
    await put(join(elsewhere, 'target.yaml'), route('one'));
    await symlink(join(elsewhere, 'target.yaml'), join(folder, 'a.yaml'));
    const { heard, first } = await open(folder);
    expect(first).toBe('one');
    await put(join(elsewhere, 'target.yaml'), route('two'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve two']);
    await rm(elsewhere, { recursive: true });
  });

  test('that breaks a file keeps what was served, and mending it back changes nothing', async () => {
    const path = join(folder, 'a.yaml');
    await put(path, route('a'));
    const { heard } = await open(folder);
    await put(path, route('a').replace('url:', 'ulr:'));
    expect(await heard.next()).toBe(
      `problems ${path}:5:32: error: spec.providers[0].ulr: there is no field "ulr" in spec.providers[0]; did you mean url?`,
    );
    await put(path, route('a'));
    expect(await heard.next()).toBe('problems none');
    await put(path, route('b'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve b']);
  });

  test('of a comment is none for those who serve', async () => {
    const path = join(folder, 'a.yaml');
    await put(path, route('a'));
    const { heard } = await open(folder);
    await put(path, `# a comment\n${route('a')}`);
    expect(await heard.next()).toBe('problems none');
    await put(path, route('b'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve b']);
  });

  test('that takes the last route away leaves none', async () => {
    await put(join(folder, 'a.yaml'), route('a'));
    const { heard } = await open(folder);
    await unlink(join(folder, 'a.yaml'));
    expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve nothing']);
  });

  test.each([20, NEVER_MS])(
    'survives a folder that is deleted and made again (poll every %d ms)',
    async (pollMs) => {
      const path = join(folder, 'routes');
      await mkdir(path);
      await put(join(path, 'a.yaml'), route('a'));
      const { heard } = await open(path, { pollMs });
      await rename(path, join(folder, 'gone'));
      expect(await heard.next()).toBe(
        `problems ${path}: error: there is no such file or folder; write the path of one`,
      );
      await mkdir(join(folder, 'new'));
      await put(join(folder, 'new/a.yaml'), route('b'));
      await rename(join(folder, 'new'), path);
      expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve b']);
      await put(join(path, 'a.yaml'), route('c'));
      expect([await heard.next(), await heard.next()]).toEqual(['problems none', 'serve c']);
    },
  );
});

describe('a projected mount', () => {
  /** As the kubelet does it: a new version beside the old one, then one link is swapped. */
  async function project(version: string, text: string): Promise<void> {
    await mkdir(join(folder, `..${version}`));
    await put(join(folder, `..${version}`, 'routes.yaml'), text);
    await symlink(`..${version}`, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  }

  test.each(['', 'routes.yaml'])(
    'is followed through the swap of its link (opened as folder/%s)',
    async (file) => {
      await project('one', route('one'));
      await symlink('..data/routes.yaml', join(folder, 'routes.yaml'));
      const { heard, first } = await open(join(folder, file), { pollMs: NEVER_MS });
      expect(first).toBe('one');
      for (const version of ['two', 'three']) {
        await project(version, route(version));
        expect([await heard.next(), await heard.next()]).toEqual(['problems none', `serve ${version}`]);
      }
    },
  );
});

describe('closing', () => {
  test('may be done twice, and nothing is told afterwards', async () => {
    const path = join(folder, 'a.yaml');
    await put(path, route('a'));
    const closed = await open(path);
    const witness = await open(path);
    await closed.source.close();
    await closed.source.close();
    await put(path, route('b'));
    expect([await witness.heard.next(), await witness.heard.next()]).toEqual(['problems none', 'serve b']);
    expect(closed.heard.untold).toBe(0);
  });

  test('from within a callback ends it', async () => {
    const path = join(folder, 'a.yaml');
    await put(path, route('a'));
    const closed = Promise.withResolvers<void>();
    const served: unknown[] = [];
    const { source } = await open(path, {
      onSnapshot: (snapshot) => served.push(snapshot),
      onProblems: () => {
        void source.close().then(closed.resolve);
      },
    });
    await put(path, route('b'));
    await closed.promise;
    expect(served).toEqual([]);
  });
});
