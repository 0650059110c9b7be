/** An operator as a Deployment keeps it: whenever its process ends, there is another one. */
import { tokenIdOf } from './audit-log.ts';
import type { RunningOperator, Stage } from './stage.ts';

export interface ReplicaWishes {
  /** Begins the identity of each of its processes. */
  readonly name: string;
  readonly serverUrl?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Ends its process, and starts no other. */
export class OperatorReplica implements AsyncDisposable {
  /** Of its token, for the audit log: the same over restarts. */
  readonly tokenId: string;
  /** Exit codes or signals, of processes that ended by themselves or were killed. */
  readonly exits: (number | string)[] = [];
  readonly #stage: Stage;
  readonly #wishes: ReplicaWishes;
  readonly #kubeconfig: string;
  readonly #identities: string[] = [];
  #process: RunningOperator;
  readonly #keeping: Promise<void>;
  #isOver = false;

  private constructor(
    stage: Stage,
    wishes: ReplicaWishes,
    place: { readonly kubeconfig: string; readonly tokenId: string; readonly process: RunningOperator },
  ) {
    this.#stage = stage;
    this.#wishes = wishes;
    this.#kubeconfig = place.kubeconfig;
    this.tokenId = place.tokenId;
    this.#process = place.process;
    this.#identities.push(`${wishes.name}-0`);
    this.#keeping = this.#keep();
    // told by `stop`
    this.#keeping.catch(() => undefined);
  }

  /** Resolves when the first process is ready. */
  static async start(stage: Stage, wishes: ReplicaWishes): Promise<OperatorReplica> {
    const kubeconfig = await stage.operatorKubeconfig(wishes.serverUrl);
    const process = await stage.startOperator({
      kubeconfig,
      args: [...(wishes.args ?? []), '--identity', `${wishes.name}-0`],
      ...(wishes.env === undefined ? {} : { env: wishes.env }),
    });
    return new OperatorReplica(stage, wishes, { kubeconfig, tokenId: await tokenIdOf(kubeconfig), process });
  }

  /** That runs now, or ran last. */
  get process(): RunningOperator {
    return this.#process;
  }

  /** Of all its processes, the present one last. */
  get identities(): readonly string[] {
    return this.#identities;
  }

  /** SIGKILL to its last process. May be called twice. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#process.close();
    try {
      await this.#keeping;
    } finally {
      await this.#process.close(); // one that was being started meanwhile
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** At once, as a kubelet does the first time. */
  async #keep(): Promise<void> {
    for (;;) {
      const code = await this.#process.ended;
      if (this.#isOver) return;
      this.exits.push(code);
      const identity = `${this.#wishes.name}-${String(this.exits.length)}`;
      this.#identities.push(identity);
      try {
        this.#process = await this.#stage.startOperator({
          kubeconfig: this.#kubeconfig,
          args: [...(this.#wishes.args ?? []), '--identity', identity],
          unready: true,
          ...(this.#wishes.env === undefined ? {} : { env: this.#wishes.env }),
        });
      } catch (error) {
        if (this.#isOver) return; // the stage has ended it while it started
        throw error;
      }
    }
  }
}
