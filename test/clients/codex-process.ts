/** Starts the pinned Codex binary and sees to it that it ends. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { join } from 'node:path';
import { clientsFolder } from './ensure-clients.ts';
import type { CodexHome } from './codex-home.ts';

/** A running Codex. `stop` may be called twice; both promises resolve when it is gone. */
export interface CodexProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exited: Promise<CodexExit>;
  /** Kills it and everything it started, then waits for its end. */
  stop(): Promise<void>;
}

export interface CodexExit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stderr: string;
}

/** What is kept of standard error: enough for the retries of one run, bounded for a runaway one. */
const maxStderrBytes = 1 << 20;

/**
 * Starts `codex ARGS` in the home's work folder. It is killed after `timeoutMs` at the latest. Standard input is a
 * pipe: end it at once for `codex exec`, which reads it to its end first.
 */
export function startCodex(home: CodexHome, args: readonly string[], timeoutMs: number): CodexProcess {
  const script = join(clientsFolder, 'node_modules', '@openai', 'codex', 'bin', 'codex.js');
  const child = spawn(process.execPath, [script, ...args], {
    cwd: home.work,
    env: { ...home.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // a group of its own: the script starts the binary, which starts commands; one kill reaches all
    detached: true,
  });
  child.stdin.on('error', () => {}); // it may end before it has read everything; `exited` tells
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < maxStderrBytes) stderr += text;
  });
  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // the group is gone already, which is what was wanted
    }
  };
  const deadline = setTimeout(killGroup, timeoutMs);
  const exited = new Promise<CodexExit>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      clearTimeout(deadline);
      done({ code, stderr });
    });
  });
  exited.catch(() => {}); // whoever awaits it hears it; nobody may be waiting yet
  return {
    child,
    exited,
    async stop() {
      killGroup();
      await exited;
    },
  };
}
