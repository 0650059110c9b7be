/** Our own command in a process of its own, as a pod would run it: what it logs, how it ends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../harness/wait-for.ts';

const COMMAND = join(import.meta.dirname, '../../cmd/turnbridge.ts');
/** A start takes half a second; this is for a machine that does much else. */
const startMs = 30_000;
/** Lines; a process that logs more in one test has a fault of its own. */
const maxLines = 20_000;

export interface LogLine {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** Owned by whoever started it. */
export interface ProductProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it logged so far, the newest {@link maxLines}. */
  logs(): readonly LogLine[];
  /** The first line of that event, past or future. */
  line(event: string, timeoutMs?: number): Promise<LogLine>;
  /** All it wrote that is no line of its log: usage errors, crashes. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** SIGKILL, and gone. May be called twice. */
  close(): Promise<void>;
}

/** Starts `turnbridge ARGS`. Resolves at once: wait for a line. */
export function startProduct(args: readonly string[], env: NodeJS.ProcessEnv = {}): ProductProcess {
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=8', COMMAND, ...args, '--log-format', 'json'],
    {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: LogLine[] = [];
  let rest = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(parse(part));
    if (lines.length > maxLines) lines.splice(0, lines.length - maxLines);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-64 * 1024);
  });
  let outcome: number | string | undefined;
  const ended = new Promise<number | string>((done) => {
    child.once('close', (code, signal) => done((outcome = code ?? signal ?? 'gone')));
  });
  const told = (): string =>
    `${stderr}\n${lines
      .slice(-20)
      .map((each) => JSON.stringify(each))
      .join('\n')}`;
  const close = async (): Promise<void> => {
    if (outcome === undefined) child.kill('SIGKILL');
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    logs: () => lines,
    async line(event, timeoutMs = startMs) {
      const found = (): LogLine | undefined => lines.find((each) => each.event === event);
      await until(() => found() !== undefined || outcome !== undefined, `the line ${event}`, timeoutMs).catch(
        (cause: unknown) => {
          throw new Error(`turnbridge ${args.join(' ')} did not log ${event}:\n${told()}`, { cause });
        },
      );
      const line = found();
      if (line === undefined)
        throw new Error(
          `turnbridge ${args.join(' ')} ended with ${String(outcome)} before ${event}:\n${told()}`,
        );
      return line;
    },
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { event: '(no JSON)', level: 'error', text };
  }
}
