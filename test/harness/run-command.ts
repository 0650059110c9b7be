/** A command run to its end, with what it printed. */
import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment; the test's own by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** For its standard input; nothing by default. */
  readonly input?: string;
  /** It is ended by SIGTERM then; one minute by default. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and error as they came, for messages; the last {@link maxOutputBytes}. */
  readonly output: string;
}

/** Enough for the answers that tests read, bounded for a command that never stops talking. */
const maxOutputBytes = 1 << 20;

/**
 * Runs a command and resolves with however it ended.
 * @throws Error when it cannot be started.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, input = '', timeoutMs = 60_000 }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, [...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // spawn's own timeout would keep running when the command cannot be started
  const deadline = setTimeout(() => child.kill(), timeoutMs);
  child.stdin.on('error', () => {}); // it may end without reading; its code tells
  child.stdin.end(input);
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-maxOutputBytes);
    output = (output + text).slice(-maxOutputBytes);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-maxOutputBytes);
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  }).finally(() => clearTimeout(deadline));
  return { code, stdout, output };
}

/** How much of a failed command's output its error carries, in characters. */
const maxQuoted = 4_000;

/**
 * Runs a command that has to succeed, and resolves with its standard output.
 * @throws Error with the end of its output when it ended with anything but 0.
 */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, output } = await runCommand(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')} ended with ${String(code)}:\n${output.slice(-maxQuoted)}`);
}
