/**
 * A suite whose tests need a cluster: fetches what needs the network, enters a sandbox, opens the cluster there, runs
 * the tests, and ends everything. `run.ts` of a folder is the command; this is what such commands share.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../harness/cache-folder.ts';
import { runCommand } from '../harness/run-command.ts';
import { toEnvironment, type RunPlace } from './run-place.ts';
import { endWithOutside, spawnInSandbox } from './sandbox.ts';

const root = join(import.meta.dirname, '../..');

/** What is open inside a sandbox. */
export interface OpenedSuite<Place extends RunPlace> extends AsyncDisposable {
  /** For the tests. */
  readonly place: Place;
  /** More of their environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called before the tests of a configuration of jest; an index of `jestConfigs`. */
  beforeTests?(index: number): Promise<void>;
  /** What ended that should still run, with the end of its log; undefined while all is well. */
  failure?(): string | undefined;
}

export interface Suite<Prepared, Place extends RunPlace> {
  /** The npm script. */
  readonly name: string;
  /** `run.ts` itself: it is run once more, inside. */
  readonly file: string;
  /** What `--help` prints. */
  readonly help: string;
  /** One after the other: what the first ones do to a cluster, the last ones find. */
  readonly jestConfigs: readonly string[];
  /** A run that hangs ends here. */
  readonly maxRunMs: number;
  /** Outside, where there is a network. What it resolves with goes inside, as JSON. */
  prepare(): Promise<Prepared>;
  /** Inside. */
  open(prepared: Prepared, folder: string): Promise<OpenedSuite<Place>>;
  /** Removes what a sandbox cannot take with it. Called outside when it is gone, or inside as its last act. */
  cleanUp?(folder: string): void;
  /** Instead of all that, when KUBECONFIG is set. */
  withOwnCluster?(kubeconfigPath: string, words: readonly string[]): Promise<number>;
}

/** The command line of a suite. Sets the exit code, or within the sandbox exits. */
export async function runSuite<Prepared, Place extends RunPlace>(
  suite: Suite<Prepared, Place>,
  words: readonly string[],
): Promise<void> {
  const [first, ...others] = words;
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  if (first === '--help' || first === '-h') {
    process.stdout.write(`${suite.help}\n`);
  } else if (first === '--exec' && others.length === 0) {
    process.stderr.write(`${suite.name}: --exec needs a command, such as --exec bash (--help says more)\n`);
    process.exitCode = 2;
  } else if (first === '--inside') {
    await runInside(suite, others);
  } else if (kubeconfig !== '' && suite.withOwnCluster !== undefined) {
    process.exitCode = await suite.withOwnCluster(kubeconfig, words);
  } else {
    process.exitCode = await runOutside(suite, words);
  }
}

/** Fetches what needs the network, then goes on inside. */
async function runOutside<Prepared, Place extends RunPlace>(
  suite: Suite<Prepared, Place>,
  words: readonly string[],
): Promise<number> {
  const began = performance.now();
  const prepared = await alive(suite.prepare());
  say(suite, 'what it needs is there', began);
  const folder = await mkdtemp(join(tmpdir(), `turnbridge-${suite.name.replace('test:', '')}-`));
  try {
    const inside = [process.execPath, suite.file, '--inside', folder, JSON.stringify(prepared)];
    const child = await spawnInSandbox([...inside, ...words]);
    return await outcomeOf(suite, child, isCommand(words));
  } finally {
    cleanUp(suite, folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** What it cannot remove is said; it keeps neither the folder nor the outcome of the tests. */
function cleanUp(
  { name, cleanUp: work }: Pick<Suite<unknown, RunPlace>, 'name' | 'cleanUp'>,
  folder: string,
): void {
  try {
    work?.(folder);
  } catch (error) {
    write(`${name}: ${(error as Error).message}`);
  }
}

/** Waiting for what another process installs keeps no process alive (install-lock.ts); this does. */
async function alive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Process 2 of the sandbox: the first waits for it. Whatever is left when this ends, the kernel ends. */
async function runInside<Prepared, Place extends RunPlace>(
  suite: Suite<Prepared, Place>,
  [folder = '', json = '', ...words]: readonly string[],
): Promise<void> {
  endWithOutside(folder, () => cleanUp(suite, folder));
  let code = 1;
  try {
    const began = performance.now();
    await using opened = await suite.open(JSON.parse(json) as Prepared, folder);
    // kube answers to the name that it is called by; every test finds it, and what else is in the folder
    process.env['PATH'] = `${folder}:${process.env['PATH'] ?? ''}`;
    say(suite, 'the cluster is ready', began);
    code = await runIn(suite, opened, words);
    say(suite, `ended with ${String(code)}`, began);
  } catch (error) {
    write(String((error as Error).stack));
  }
  process.exit(code);
}

/** Runs the tests, or the command after `--exec`, at a place. @returns the exit code: never 0 on a broken cluster. */
export async function runIn<Prepared, Place extends RunPlace>(
  suite: Suite<Prepared, Place>,
  opened: Omit<OpenedSuite<Place>, typeof Symbol.asyncDispose>,
  words: readonly string[],
): Promise<number> {
  const run = (command: readonly string[]): Promise<number> => runWatched(suite, opened, command);
  if (isCommand(words)) return run(words.slice(1));
  const configs = await Promise.all(suite.jestConfigs.map((config) => hasTests(config, words)));
  if (!configs.includes(true)) {
    write(`${suite.name}: no test file matches ${words.join(' ')}`);
    return 1;
  }
  // a folder that was renamed is not a suite that is green
  const empty = suite.jestConfigs.filter((_, index) => configs[index] !== true);
  if (words.length === 0 && empty.length > 0) {
    write(`${suite.name}: no test file belongs to ${empty.join(', ')}: mend its testMatch, or take it away`);
    return 1;
  }
  let worst = 0;
  for (const [index, config] of suite.jestConfigs.entries()) {
    if (configs[index] !== true) continue;
    await opened.beforeTests?.(index);
    const code = await run([...jestCommand(config), ...words]); // also after a failure: the others are tests of their own
    worst ||= code;
  }
  return worst;
}

function jestCommand(config: string): readonly string[] {
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // --ci: a snapshot that is missing is a failure, and written with -u alone
  // jest's own choice is named after the user, who is root inside, whoever that is outside
  return [
    process.execPath,
    ...flags,
    jest,
    '--ci',
    '--config',
    config,
    '--cacheDirectory',
    cacheFolder('jest'),
  ];
}

/** @throws Error with what jest said, when it cannot tell. */
async function hasTests(config: string, words: readonly string[]): Promise<boolean> {
  const [command = '', ...args] = jestCommand(config);
  const { code, stdout, output } = await runCommand(command, [...args, '--listTests', ...words], {
    cwd: root,
  });
  if (code !== 0) throw new Error(`jest cannot list the tests of ${config}:\n${output}`);
  return stdout.trim() !== '';
}

async function runWatched<Prepared, Place extends RunPlace>(
  suite: Suite<Prepared, Place>,
  { place, env = {}, failure }: Omit<OpenedSuite<Place>, typeof Symbol.asyncDispose>,
  [command = '', ...args]: readonly string[],
): Promise<number> {
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: { ...toEnvironment(place), ...env },
    cwd: root,
  });
  let broken: string | undefined;
  const look = (): void => {
    broken ??= failure?.();
    if (broken === undefined) return;
    clearInterval(watch);
    write(`${suite.name}: a part of the cluster has ended, so the tests have as well\n${broken}`);
    child.kill('SIGKILL');
  };
  const watch = setInterval(look, lookMs);
  try {
    const code = await outcomeOf(suite, child, command !== process.execPath);
    look();
    return broken === undefined ? code : 1;
  } finally {
    clearInterval(watch);
  }
}

/** How often the parts of a cluster are looked at. */
const lookMs = 1_000;

/** Its exit code. Ends it when this process is asked to end, or when it takes too long. */
async function outcomeOf(
  { name, maxRunMs }: { readonly name: string; readonly maxRunMs: number },
  child: ChildProcess,
  isShell: boolean,
): Promise<number> {
  const end = (): void => void child.kill('SIGKILL');
  const limit = setTimeout(() => {
    write(`${name}: not done after ${String(maxRunMs / 60_000)} minutes; ended`);
    end();
  }, maxRunMs);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  process.on('SIGINT', isShell ? () => {} : end); // in a shell, it is for what runs in that
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  } finally {
    clearTimeout(limit);
  }
}

function isCommand([first]: readonly string[]): boolean {
  return first === '--exec';
}

function say({ name }: { readonly name: string }, what: string, began: number): void {
  write(`${name}: ${what} (${((performance.now() - began) / 1_000).toFixed(1)} s)`);
}

/** Not to standard output: that is of the tests, or of the command. */
function write(line: string): void {
  process.stderr.write(`${line}\n`);
}
