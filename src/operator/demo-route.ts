/** The route of a demo installation (`--demo-provider`): to the scripted provider behind a Service, and gone with it. */
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { toKubeObject, type KubeObject } from '../kube/kube-object.ts';
import { apiPath } from '../kube/kube-path.ts';
import { decideDemo, DEMO_ROUTE, type DemoDecision } from './demo-decision.ts';
import type { OperatorFactListener } from './facts.ts';
import { labelsOf } from './own-labels.ts';

const GROUP = { group: 'turnbridge.dev', version: 'v1alpha1' } as const;
const FIELD_MANAGER = 'turnbridge-operator-demo';
/** A Service that is created with the operator is there by then; so is a role. */
const RETRY_MS = 2000;

export interface DemoRouteOptions {
  readonly client: KubeClient;
  /** In its namespace are the Service and the route. */
  readonly snapshotSecret: { readonly namespace: string };
  /** Name of the Service, whose first port is the provider's; undefined: nothing is done. */
  readonly demoProvider: string | undefined;
  readonly bridgeName: string;
  readonly installation: string;
  /** Of this program. */
  readonly version: string;
  readonly facts: OperatorFactListener;
  /** Whether this process may write. */
  readonly canWrite: () => boolean;
}

/** Makes it once, and again whenever it is gone. Whoever opens it closes it. */
export class DemoRoute {
  /** `namespace/name`. */
  readonly key: string;
  readonly #options: DemoRouteOptions;
  readonly #namespace: string;
  readonly #closing = new AbortController();
  #looking: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;
  /** What was said last: once is enough. */
  #told = '';

  constructor(options: DemoRouteOptions) {
    this.#options = options;
    this.#namespace = options.snapshotSecret.namespace;
    this.key = `${this.#namespace}/${DEMO_ROUTE}`;
  }

  /** Looks whether there is something to do, and does it. Returns at once. */
  look(): void {
    if (this.#closing.signal.aborted || !this.#options.canWrite()) return;
    const { demoProvider } = this.#options;
    if (demoProvider === undefined) return;
    this.#looking ??= this.#look(demoProvider).finally(() => {
      this.#looking = undefined;
    });
  }

  /** Resolves when nothing is under way any more. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#again);
    await this.#looking;
  }

  async #look(name: string): Promise<void> {
    clearTimeout(this.#again);
    try {
      const service = await this.#read({ version: 'v1', resource: 'services', name });
      const route = await this.#read({ ...GROUP, resource: 'responsesroutes', name: DEMO_ROUTE });
      await this.#do(decideDemo({ name, namespace: this.#namespace, service, route }));
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      // another write came in between: it is looked at again
      if (!(error instanceof KubeError && error.status === 409)) this.#tell('waiting', trouble(error));
      this.#lookAgain();
    }
  }

  async #do(decision: DemoDecision): Promise<void> {
    switch (decision.kind) {
      case 'there':
        this.#told = '';
        return;
      case 'leave':
        return this.#tell('left', decision.sentence);
      case 'wait':
        this.#tell('waiting', decision.sentence);
        return this.#lookAgain();
      case 'make':
        return this.#make(decision);
    }
  }

  /** Not by force: a route that somebody makes in this moment has fields of theirs, and is left (409). */
  async #make({ owner, url }: DemoDecision & { readonly kind: 'make' }): Promise<void> {
    const { client, bridgeName, canWrite } = this.#options;
    const namespace = this.#namespace;
    if (!canWrite()) return;
    await client.request({
      method: 'PATCH',
      path: apiPath({ ...GROUP, namespace, resource: 'responsesroutes', name: DEMO_ROUTE }),
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/apply-patch+yaml',
      signal: this.#closing.signal,
      body: {
        apiVersion: `${GROUP.group}/${GROUP.version}`,
        kind: 'ResponsesRoute',
        metadata: {
          namespace,
          name: DEMO_ROUTE,
          labels: labelsOf('demo', this.#options),
          ownerReferences: [owner],
        },
        spec: {
          bridgeName,
          clients: { auth: { type: 'None' } },
          providers: [{ name: 'demo', url, auth: { type: 'None' } }],
        },
      },
    });
    this.#told = '';
    this.#options.facts({ kind: 'demo.made', route: this.key, url });
  }

  /** Undefined: there is none. */
  async #read(of: Omit<Parameters<typeof apiPath>[0], 'namespace'>): Promise<KubeObject | undefined> {
    const { client } = this.#options;
    const path = apiPath({ ...of, namespace: this.#namespace });
    try {
      const found = await client.request({ method: 'GET', path, signal: this.#closing.signal });
      return toKubeObject(`GET ${path}`, found);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  #lookAgain(): void {
    if (this.#closing.signal.aborted) return;
    this.#again = setTimeout(() => this.look(), RETRY_MS);
  }

  #tell(state: 'left' | 'waiting', sentence: string): void {
    if (this.#told === sentence) return;
    this.#told = sentence;
    this.#options.facts({ kind: 'demo.hindered', route: this.key, state, sentence });
  }
}

function trouble(error: unknown): string {
  if (!(error instanceof KubeError)) return 'the demo route could not be made, and is tried again';
  const rights = error.status === 403 ? '; its rights are in manifests/rbac/operator-demo.yaml' : '';
  return `the demo route cannot be made: ${error.message}${rights}`;
}
