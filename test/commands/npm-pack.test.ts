/** What `npm pack` gives, as somebody without a clone meets it: installed in an empty folder, with real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtinModules } from 'node:module';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { patientNpm } from '../harness/npm-patience.ts';
import { mustRun, runCommand } from '../harness/run-command.ts';
import { until } from '../harness/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What npm publishes from; all else of the checkout it has no use for. */
const PACKED_FROM = ['cmd', 'manifests', 'src', 'LICENSE', 'README.md', 'package.json'];
/** Half a megabyte now. A megabyte more is something that does not belong there. */
const MAX_PACKED_BYTES = 1_500_000;
/** npm fetches a hundred and forty packages when its cache is empty. */
const INSTALL_MS = 5 * 60_000;
/** Every source becomes JavaScript: seconds, on a machine that does nothing else. */
const PACK_MS = 3 * 60_000;
const COMMANDS = ['bridge', 'operator', 'check', 'turn', 'doctor', 'provider'];

let folder = '';
/** Where the package lies once it is installed. */
let installed = '';
let packedBytes = 0;
let packedFiles: readonly string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-pack-'));
  const clone = join(folder, 'clone');
  for (const name of PACKED_FROM) await cp(join(ROOT, name), join(clone, name), { recursive: true });
  const home = join(folder, 'home');
  // stands for all that a clone has besides
  for (const stray of ['stray.txt', 'docs/stray.md', 'test/stray.test.ts']) {
    await mkdir(dirname(join(clone, stray)), { recursive: true });
    await writeFile(join(clone, stray), 'of the checkout alone');
  }
  const printed = await mustRun('npm', ['pack', '--json', '--silent'], { cwd: clone, timeoutMs: PACK_MS });
  const [packed] = JSON.parse(printed) as {
    readonly filename: string;
    readonly size: number;
    readonly files: readonly { readonly path: string }[];
  }[];
  if (packed === undefined) throw new Error('npm pack told of no package');
  packedBytes = packed.size;
  packedFiles = packed.files.map(({ path }) => path);
  await cp(join(clone, packed.filename), join(home, packed.filename));
  await writeFile(join(home, 'package.json'), '{"private":true}');
  const how = [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    ...patientNpm,
    `./${packed.filename}`,
  ];
  await mustRun('npm', how, { cwd: home, timeoutMs: INSTALL_MS });
  installed = join(home, 'node_modules/turnbridge');
}, PACK_MS + INSTALL_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('holds the program as JavaScript, its manifests, and nothing else of the checkout', () => {
    const folders = new Set(packedFiles.map((path) => path.replace(/\/.*/, '')));
    expect([...folders].sort()).toEqual(
      ['LICENSE', 'README.md', 'cmd', 'dist', 'manifests', 'package.json'].sort(),
    );
    expect(
      packedFiles.filter((path) => /\.[cm]?ts$|\.test\.|tsconfig|start\.js$|release/.test(path)),
    ).toEqual([]);
    expect(packedFiles).toContain('dist/cmd/turnbridge.js');
    expect(packedFiles).toContain('dist/src/telemetry/page/assets/page.html');
    expect(packedFiles).toContain('manifests/samples/scripted.yaml');
    expect(packedBytes).toBeLessThan(MAX_PACKED_BYTES);
  });

  test('has a JavaScript file for every source that the program has', async () => {
    const sources = (await filesOf(ROOT, ['cmd', 'src'])).filter(
      (path) => path.endsWith('.ts') && path !== 'cmd/start.ts' && !path.startsWith('cmd/release/'),
    );
    const packed = new Set(packedFiles);
    const missing = sources.filter((path) => !packed.has(`dist/${path.replace(/\.ts$/, '.js')}`));
    expect(sources.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  test('imports files that are there and packages that it depends on, and no other', async () => {
    const { dependencies, optionalDependencies } = JSON.parse(
      await readFile(join(installed, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'optionalDependencies', Record<string, string>>;
    const known = new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies)]);
    const wrong: string[] = [];
    for (const file of await filesOf(join(installed, 'dist'), ['cmd', 'src'])) {
      if (!file.endsWith('.js') || file.includes('/assets/')) continue;
      const path = join(installed, 'dist', file);
      for (const specifier of importsOf(await readFile(path, 'utf8'))) {
        const isThere = specifier.startsWith('.')
          ? await exists(join(dirname(path), specifier))
          : specifier.startsWith('node:') ||
            builtinModules.includes(specifier) ||
            known.has(packageOf(specifier));
        if (!isThere) wrong.push(`${file} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('installed in an empty folder', () => {
  test('its command says its version, and every command explains itself', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect((await turnbridge('--version')).trim()).toBe(version);
    for (const command of COMMANDS) {
      expect(await turnbridge(command, '--help')).toContain(`Usage: turnbridge ${command}`);
    }
  }, 60_000);

  test('it checks the samples that it brings, and prints the schema of routes', async () => {
    const samples = join(installed, 'manifests/samples/scripted.yaml');
    expect(await turnbridge('check', '-f', samples)).toContain('0 errors');
    expect(JSON.parse(await turnbridge('check', '--schema'))).toHaveProperty('properties');
  }, 60_000);

  test('a bridge in front of the scripted provider runs a turn, and shows its page', async () => {
    await using provider = start('provider', '--listen', '127.0.0.1:0');
    const providerUrl = await provider.said(/Scripted provider on (http:\S+?),? /);
    const route = join(folder, 'route.yaml');
    await writeFile(route, routeTo(providerUrl));
    const anyPorts = ['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
    const noDrain = ['--drain-delay', '0', '--drain-spread', '0', '--drain-linger', '0'];
    await using bridge = start('bridge', '--routes', route, ...anyPorts, ...noDrain, '--log-format', 'json');
    const address = await bridge.said(/"listen":"([^"]+)"/);
    const ops = await bridge.said(/"ops_listen":"([^"]+)"/);
    await bridge.said(/"event":"process\.(ready)"/);

    expect(await turnbridge('turn', `http://${address}/v1`, 'Say hello')).toMatch(/completed/);
    const page = await fetch(`http://${ops}/`);
    expect(await page.text()).toContain('</html>');
    expect((await fetch(`http://${ops}/page/page.js`)).status).toBe(200);
  }, 60_000);
});

/** Of the installed package, by the name that npm gave it; its standard output. */
async function turnbridge(...args: readonly string[]): Promise<string> {
  const { code, stdout, output } = await runCommand(commandPath(), args, { cwd: folder });
  if (code !== 0) throw new Error(`turnbridge ${args.join(' ')} ended with ${String(code)}:\n${output}`);
  return stdout;
}

function start(...args: readonly string[]): AsyncDisposable & { said(what: RegExp): Promise<string> } {
  const child = spawn(commandPath(), [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = once(child, 'close');
  return {
    said: (what) => until(() => what.exec(output)?.[1], `${args[0] ?? ''} to say ${String(what)}`, 20_000),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function commandPath(): string {
  return join(installed, '../.bin/turnbridge');
}

/** Relative paths of the files below some folders. */
async function filesOf(root: string, folders: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(
    folders.map((each) => readdir(join(root, each), { recursive: true, withFileTypes: true })),
  );
  const files = lists.flat().filter((entry) => entry.isFile());
  return files.map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(source: string): readonly string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const found = code.matchAll(/^(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm);
  return [...found].map(([, fixed, dynamic]) => fixed ?? dynamic ?? '');
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
