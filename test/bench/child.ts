/** A process of the bench: pinned to a core, owned by whoever started it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** Something outside this program went wrong; the message is a sentence for a person. */
export class RunFailed extends Error {}

/** What is started, and where. */
export interface Command {
  /** For messages. */
  readonly name: string;
  /** The program that pins (judges/pin.c). */
  readonly pin: string;
  readonly core: number;
  /** 0: an ordinary process; above: before all ordinary ones. */
  readonly priority: number;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended: 0, or what went wrong. */
type Ending = 0 | string;

/** A running process; what it says on its standard error goes to ours. Disposing of it kills it and waits for its end. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<Ending>;
  readonly #name: string;
  #stdout = '';
  #isKept = true;
  #isExpectedToEnd = false;

  constructor({ name, pin, core, priority, argv, env }: Command) {
    this.#name = name;
    this.#process = spawn(pin, [String(core), String(priority), ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#ended = once(this.#process, 'close').then(
      ([code, signal]: (number | string | null)[]) => (code === 0 ? 0 : `ended with ${code ?? signal}`),
      (error: Error) => `could not be started: ${error.message}`,
    );
    this.#output.on('data', (chunk: Buffer) => {
      if (this.#isKept) this.#stdout += chunk.toString();
    });
  }

  /** Of the program itself: what pins it becomes it. @throws RunFailed when it could not be started. */
  get pid(): number {
    if (this.#process.pid === undefined) throw new RunFailed(`${this.#name} could not be started`);
    return this.#process.pid;
  }

  /** The first match in what it prints. @throws RunFailed when it ends without one. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stdout);
      if (found !== null) return found;
      const more = once(this.#output, 'data').then(() => 'more' as const);
      more.catch(() => undefined); // Then it ends, which is waited for as well.
      const next = await Promise.race([this.#ended, more]);
      if (next !== 'more' && !pattern.test(this.#stdout)) throw this.#failure(next);
    }
  }

  /** From now on its output is taken and thrown away. */
  ignoreOutput(): void {
    this.#isKept = false;
  }

  /** Everything it printed, once it has ended well. @throws RunFailed otherwise; it has said why. */
  async output(): Promise<string> {
    this.#isExpectedToEnd = true;
    const ending = await this.#ended;
    if (ending !== 0) throw this.#failure(ending);
    return this.#stdout;
  }

  /** Asks it to end; resolves when it has. */
  async terminate(): Promise<void> {
    this.#isExpectedToEnd = true;
    this.#process.kill('SIGTERM');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isRunning = this.#process.kill('SIGKILL');
    const ending = await this.#ended;
    // Whoever failed for want of it could not know.
    if (!isRunning && !this.#isExpectedToEnd) process.stderr.write(`${this.#failure(ending).message}\n`);
  }

  get #output(): Readable {
    return this.#process.stdout as Readable;
  }

  #failure(ending: Ending): RunFailed {
    return new RunFailed(`${this.#name} ${ending === 0 ? 'ended too early' : ending}`);
  }
}
