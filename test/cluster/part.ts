/** One process of a control plane: it is killed, frozen and started again, by tests that need just that. */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { until } from '../harness/wait-for.ts';

export interface PartCommand {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** True once it serves. Asked again and again; may throw while nobody listens. */
  readonly isReady: () => Promise<boolean>;
  /** Where all that it prints is kept as well. */
  readonly logFile?: string;
}

type PartState = { readonly kind: 'stopped' } | { readonly kind: 'running'; readonly child: ChildProcess };

/** A start takes two or three seconds; this is for a machine that does much else. */
const startTimeoutMs = 90_000;
/** Characters; what explains a failure is at the end. */
const maxLog = 256 * 1024;
/** How often a starting part is asked. Each question costs it a TLS handshake. */
const askMs = 50;

/** Owns the process, and the one after that. */
export class Part {
  readonly #command: PartCommand;
  #state: PartState = { kind: 'stopped' };
  #log = '';

  constructor(command: PartCommand) {
    this.#command = command;
  }

  get name(): string {
    return this.#command.name;
  }

  /** What its processes printed, the last part of it. */
  get log(): string {
    return this.#log;
  }

  /** Of the running process. */
  get pid(): number | undefined {
    return this.#state.kind === 'running' ? this.#state.child.pid : undefined;
  }

  /**
   * Starts it unless it runs, and waits until it serves.
   * @throws Error with the end of its log when it ends first, or does not serve in time.
   */
  async start(): Promise<void> {
    const { name, command, args, isReady } = this.#command;
    if (this.#state.kind === 'stopped') this.#spawn(command, args);
    let asked = 0;
    try {
      await until(
        async () => {
          if (this.#state.kind === 'stopped') return true;
          if (performance.now() - asked < askMs) return false;
          asked = performance.now();
          return await isReady().catch(() => false);
        },
        `${name} to serve`,
        startTimeoutMs,
      );
      if (this.#state.kind === 'stopped') throw new Error(`${name} ended`);
    } catch (cause) {
      await this.kill();
      throw new Error(`${name} did not start:\n${this.#log.slice(-4_000)}`, { cause });
    }
  }

  /** SIGKILL, and waits until it is gone: asked politely, an API server drains for a minute. */
  async kill(): Promise<void> {
    if (this.#state.kind === 'stopped') return;
    const { child } = this.#state;
    const gone = new Promise((done) => child.once('close', done));
    child.kill('SIGKILL');
    await gone;
  }

  /** SIGSTOP: its sockets stay open and silent. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#state.kind === 'stopped') throw new Error(`${this.#command.name} does not run: start it first`);
    this.#state.child.kill(signal);
  }

  #spawn(command: string, args: readonly string[]): void {
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#state = { kind: 'running', child };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-maxLog);
        if (this.#command.logFile !== undefined) appendFileSync(this.#command.logFile, text);
      });
    }
    child.once('error', ({ message }) => {
      this.#log += `${message}\n`;
    });
    child.once('close', () => {
      if (this.#state.kind === 'running' && this.#state.child === child) this.#state = { kind: 'stopped' };
    });
  }
}
