/** A scene whose bridge gets its routes as in a cluster: from a Secret of an API server, from its mount, or both. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { SecretWatchTimes } from '../../src/config/secret-watch.ts';
import { openFakeKube, type FakeKube } from '../harness/fake-kube.ts';
import { packRoutes, snapshotName, snapshotRef, snapshotSecret } from '../harness/snapshot-secret.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import { until } from '../harness/wait-for.ts';
import { openScene, routeFile, type Scene, type SceneWishes } from './scene.ts';

/** So short that a test need not wait, and not so short that a busy machine calls a live server dead. */
const quickTimes: Partial<SecretWatchTimes> = {
  backoff: { firstMs: 20, maxMs: 100, healthyMs: 120_000 },
};

export interface SnapshotWishes extends SceneWishes {
  /** By which ways the bridge looks: `watch` unless said otherwise. */
  readonly by?: 'watch' | 'mount' | 'both';
  /** What is there when the bridge starts: the wished routes as generation 1, by all its ways; or nothing. */
  readonly first?: 'there' | 'nothing' | 'only mounted';
  readonly times?: Partial<SecretWatchTimes>;
  /** Whose certificate of an API server is taken: the fake one's unless said otherwise. */
  readonly trusts?: 'kube' | 'nobody';
  /** Before the bridge starts; then it is not waited for until its first snapshot is in effect. */
  readonly prepare?: (kube: FakeKube) => unknown;
}

export interface SnapshotScene extends Scene {
  readonly kube: FakeKube;
  /** Writes the Secret as an operator does: this file as the next generation, or the one that is said. */
  write(yaml: string, generation?: number): number;
  /** The same route to the scene's provider, changed. @returns the generation */
  writeRoute(route: RouteWishes, secrets?: SceneWishes['secrets']): number;
  writeBytes(packed: Buffer): void;
  removeSecret(): void;
  /** What the Secret holds now, in base64, whether the API server runs or not. */
  packed(): string;
  /** Puts a snapshot where the Secret is mounted. */
  mount(packed: Buffer): Promise<void>;
  /** What the ops port says of the snapshot in effect. */
  snapshot(): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** Resolves when that generation is in effect. */
  inEffect(generation: number): Promise<void>;
  readiness(): Promise<{ readonly ready: boolean; readonly reason?: string }>;
  /** Puts another token where the bridge reads its own, and lets only that in. */
  rotateToken(token: string): Promise<void>;
}

/** Opens API server, provider and bridge; use it with `await using`. */
export async function openSnapshotScene(wishes: SnapshotWishes = {}): Promise<SnapshotScene> {
  const {
    by = 'watch',
    first = 'there',
    times,
    prepare,
    trusts = 'kube',
    route,
    secrets,
    routes,
    ...others
  } = wishes;
  const kube = await openFakeKube();
  const credentials = await mkdtemp(join(tmpdir(), 'turnbridge-account-'));
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-mount-'));
  const dispose = async (): Promise<void> => {
    await kube[Symbol.asyncDispose]();
    await rm(credentials, { recursive: true });
    await rm(folder, { recursive: true });
  };
  let generation = 1;
  const writeBytes = (packed: Buffer): void => void kube.put(snapshotSecret(packed));
  const mount = async (packed: Buffer): Promise<void> => {
    await writeFile(join(folder, '.being-written'), packed);
    await rename(join(folder, '.being-written'), join(folder, 'snapshot'));
  };
  const begin = async (providerUrl: string): Promise<string> => {
    await kube.writeCredentials(credentials);
    if (trusts === 'nobody') await writeFile(join(credentials, 'ca.crt'), rootCertificates[0] ?? '');
    const yaml = routes === undefined ? routeFile(providerUrl, route, secrets) : await routes(providerUrl);
    const packed = packRoutes(yaml, generation);
    if (first === 'there') writeBytes(packed);
    if (first !== 'nothing') await mount(packed);
    await prepare?.(kube);
    return '';
  };
  const scene = await openScene({
    ...others,
    routes: begin,
    origin: {
      kind: 'snapshots',
      folder: by === 'watch' ? undefined : folder,
      watched:
        by === 'mount'
          ? undefined
          : {
              secret: snapshotName,
              access: { url: kube.url, credentials },
              times: { ...quickTimes, ...times },
            },
    },
  }).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  const write = (yaml: string, wanted = generation + 1): number => {
    generation = wanted;
    writeBytes(packRoutes(yaml, generation));
    return generation;
  };
  const snapshot: SnapshotScene['snapshot'] = async () => {
    const answer = await fetch(`${scene.bridge.opsUrl}/snapshot`);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const inEffect = async (wanted: number): Promise<void> => {
    await until(
      async () => (await snapshot()).body['generation'] === wanted,
      `generation ${String(wanted)} to be in effect`,
    );
  };
  const opened: SnapshotScene = {
    ...scene,
    kube,
    write,
    writeRoute: (changed, changedSecrets) => write(routeFile(scene.provider.url, changed, changedSecrets)),
    writeBytes,
    packed: () =>
      String((kube.read(snapshotRef)?.['data'] as Record<string, unknown> | undefined)?.['snapshot']),
    removeSecret: () => kube.remove(snapshotRef),
    mount,
    snapshot,
    inEffect,
    readiness: async () =>
      (await (await fetch(`${scene.bridge.opsUrl}/readyz`)).json()) as { ready: boolean; reason?: string },
    rotateToken: async (token) => {
      kube.tokens.clear();
      kube.tokens.add(token);
      await writeFile(join(credentials, 'token'), token);
    },
    [Symbol.asyncDispose]: async () => {
      try {
        await scene[Symbol.asyncDispose]();
      } finally {
        await dispose();
      }
    },
  };
  if (first !== 'nothing' && prepare === undefined) await inEffect(1);
  return opened;
}
