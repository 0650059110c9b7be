/** The real Codex, one run after the other for as long as a test lasts, and what its user saw of each. */
import { codexExec, complaints, type CodexRun } from '../../clients/codex-exec.ts';
import { openCodexHome } from '../../clients/codex-home.ts';

/** Times of `performance.now()`. */
export interface CodexRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  /** It ended with 0, and with the answer. */
  readonly isComplete: boolean;
  /** What its user was shown beside the answer. */
  readonly complaints: readonly string[];
  /** Retries, those included that the user is not told of: lines of its log. */
  readonly retries: readonly string[];
}

/** Of one answer; a run has two of them, and a command in between. */
const SECONDS = [2, 9, 5, 14];
/** As Codex has it by default; other tests want their handshakes faster. */
const CONNECT_MS = 15_000;
/** Two answers, the command, a start on a busy machine, and all retries. */
const RUN_MS = 150_000;

export class CodexLanes implements AsyncDisposable {
  readonly records: CodexRecord[] = [];
  readonly #running: Promise<unknown>;
  #isOver = false;

  /** @param baseUrl `http://HOST/v1` */
  constructor(baseUrl: string, lanes: number) {
    this.#running = Promise.all(Array.from({ length: lanes }, (_, lane) => this.#lane(baseUrl, lane)));
  }

  /** Runs that were under way at some time of a window. */
  during({ from, to }: { readonly from: number; readonly to: number }): readonly CodexRecord[] {
    return this.records.filter(({ startedAt, endedAt }) => startedAt <= to && endedAt >= from);
  }

  /** Lets all runs end. May be called twice. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #lane(baseUrl: string, lane: number): Promise<void> {
    await using home = await openCodexHome({ baseUrl, webSocketConnectTimeoutMs: CONNECT_MS });
    for (let turn = 0; !this.#isOver; turn += 1) {
      const startedAt = performance.now();
      const seconds = SECONDS[(lane + turn) % SECONDS.length] ?? 1;
      const prompt = `codex${String(lane)}-${String(turn)}: take ${String(seconds)} seconds`;
      const run = await codexExec(home, prompt, RUN_MS);
      this.records.push({
        startedAt,
        endedAt: performance.now(),
        isComplete: run.exitCode === 0 && run.lastMessage.startsWith('done'),
        complaints: complaints(run),
        retries: retriesOf(run),
      });
    }
  }
}

function retriesOf({ stderr }: CodexRun): readonly string[] {
  return stderr.split('\n').filter((line) => /retrying|disconnected/i.test(line));
}
