/** One-shot runs of the real Codex CLI: `codex exec` and `codex doctor`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startCodex } from './codex-process.ts';
import type { CodexHome } from './codex-home.ts';

export type JsonObject = Record<string, unknown>;

/** What a run showed: to its user, and to the shell. */
export interface CodexRun {
  readonly exitCode: number | null;
  /** The lines of `--json`, parsed: `thread.started`, `item.completed`, `error`, `turn.completed` … */
  readonly events: readonly JsonObject[];
  /** The final answer; empty when there was none. */
  readonly lastMessage: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A run against loopback takes a second; this is for a machine under load. */
const execTimeoutMs = 60_000;

/** `codex exec --json` with one prompt and image files. Resolves with whatever happened, also when the turn failed. */
export async function codexExec(
  home: CodexHome,
  prompt: string,
  timeoutMs = execTimeoutMs,
  images: readonly string[] = [],
): Promise<CodexRun> {
  const last = join(home.path, 'last-message.txt');
  const args = [
    'exec',
    '--json',
    '--ephemeral',
    '--skip-git-repo-check',
    '--ignore-rules',
    '--strict-config',
  ];
  const startedAt = performance.now();
  const shown = images.flatMap((path) => ['-i', path]);
  const codex = startCodex(home, [...args, '-C', home.work, '-o', last, ...shown, '--', prompt], timeoutMs);
  codex.child.stdin.end();
  const stdout = await readAll(codex.child.stdout);
  const { code, stderr } = await codex.exited;
  return {
    exitCode: code,
    events: stdout.split('\n').filter(Boolean).map(parseLine),
    lastMessage: await readFile(last, 'utf8').catch(() => ''),
    stderr,
    ms: performance.now() - startedAt,
  };
}

/** `codex doctor --json`: its report, parsed, and its exit code. */
export async function codexDoctor(
  home: CodexHome,
  timeoutMs = execTimeoutMs,
): Promise<{ exitCode: number | null; report: JsonObject; stderr: string }> {
  const codex = startCodex(home, ['doctor', '--json'], timeoutMs);
  codex.child.stdin.end();
  const stdout = await readAll(codex.child.stdout);
  const { code, stderr } = await codex.exited;
  return { exitCode: code, report: JSON.parse(stdout) as JsonObject, stderr };
}

/**
 * What the user of a run was shown beside the answer: retry notices, warnings (fallback, reroute), failures. Empty
 * for a run in which nothing went wrong.
 */
export function complaints(run: CodexRun): readonly string[] {
  return run.events.flatMap((event) => {
    const item = event['item'] as JsonObject | undefined;
    if (event['type'] === 'error' || event['type'] === 'turn.failed') return [JSON.stringify(event)];
    if (item?.['type'] === 'error') return [String(item['message'])];
    return [];
  });
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parseLine(line: string): JsonObject {
  try {
    return JSON.parse(line) as JsonObject;
  } catch {
    return { type: 'unreadable', line };
  }
}
