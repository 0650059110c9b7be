/** One open watch of the fake API server. */
import type { Answer } from './fake-kube-faults.ts';
import { statusObject } from './fake-kube-paths.ts';
import type { ApiObject, Selector } from './fake-kube-paths.ts';
import type { Change } from './fake-kube-store.ts';

/** What a watch was asked for. */
export interface WatchScope {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly selector: Selector;
}

/** A stream of events, and all that a test can do to it. */
export class OpenWatch {
  readonly scope: WatchScope;
  readonly #answer: Answer;
  #isMissing = false;
  /** What the server has not said yet because it stands still. */
  #held: string[] | undefined;

  constructor(scope: WatchScope, answer: Answer) {
    this.scope = scope;
    this.#answer = answer;
  }

  /** Changes are no longer told here; whatever else is sent arrives. */
  miss(): void {
    this.#isMissing = true;
  }

  get path(): string {
    return this.scope.path;
  }

  get isOpen(): boolean {
    return this.#answer.isOpen;
  }

  /** Tells of a change, as those see it who asked for some objects only. */
  tell({ at, collection, before, after }: Change): void {
    if (collection !== this.scope.collection || this.#isMissing) return;
    const [was, is] = [this.#wants(before), this.#wants(after)];
    if (is) this.send(was ? 'MODIFIED' : 'ADDED', after);
    else if (was && before !== undefined) {
      // With the state before, and the version of its going.
      this.send('DELETED', { ...before, metadata: { ...before.metadata, resourceVersion: String(at) } });
    }
  }

  #wants(object: ApiObject | undefined): boolean {
    const { namespace, selector } = this.scope;
    return (
      object !== undefined &&
      (namespace === undefined || object.metadata.namespace === namespace) &&
      selector(object)
    );
  }

  /** A BOOKMARK, if the client asked for some. */
  bookmark(version: number): void {
    if (this.scope.query['allowWatchBookmarks'] !== 'true') return;
    this.send('BOOKMARK', {
      kind: 'Bookmark',
      apiVersion: this.scope.apiVersion,
      metadata: { resourceVersion: String(version), creationTimestamp: null },
    });
  }

  /** An ERROR with its Status, and the end of the stream, as the real server does it. */
  error(code: number, reason: string, message: string): void {
    this.send('ERROR', statusObject(code, reason, message));
    this.end();
  }

  send(type: string, object: unknown): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  /** Any bytes: half a line, rubbish. */
  raw(text: string): void {
    if (this.#held !== undefined) this.#held.push(text);
    else this.#answer.write(text);
  }

  /** Nothing goes out until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#answer.write(text);
  }

  /** The stream is over, cleanly. */
  end(): void {
    this.#answer.end();
  }

  /** RST. */
  reset(): void {
    this.#answer.cut('reset');
  }

  /** FIN, in the middle of the answer. */
  close(): void {
    this.#answer.cut('close');
  }

  /** From now on nothing arrives, and nobody says so. */
  silence(): void {
    this.#answer.cut('silence');
  }
}
