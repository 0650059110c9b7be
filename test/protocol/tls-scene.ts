/** A scene whose bridge speaks TLS, with a folder of certificate and key as a mounted Secret has it. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { tlsFixture } from '../harness/tls-front.ts';
import { openScene, type Scene, type SceneWishes } from './scene.ts';

/** PEM of the CA that the scene's certificate is trusted by. */
export const ca = tlsFixture('ca.pem');
export const good = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };
/** Another certificate for the same key. It ended in 2021. */
export const other = { cert: tlsFixture('expired.pem'), key: good.key };
/** Belongs to no certificate. */
export const strayKey = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface MountedPair extends AsyncDisposable {
  readonly path: string;
  /** As the kubelet does: a folder of its own, and one link that is swapped. */
  swap(files: Partial<TlsFiles>): Promise<void>;
}

/** A folder as a Secret is mounted. What is left out is not there. */
export async function mountPair(files: Partial<TlsFiles>): Promise<MountedPair> {
  const path = await mkdtemp(join(tmpdir(), 'turnbridge-tls-'));
  let version = 0;
  const swap = async ({ cert, key }: Partial<TlsFiles>): Promise<void> => {
    const name = `..${String(version++)}`;
    await mkdir(join(path, name));
    if (cert !== undefined) await writeFile(join(path, name, 'tls.crt'), cert);
    if (key !== undefined) await writeFile(join(path, name, 'tls.key'), key);
    await symlink(name, join(path, '..data_tmp'));
    await rename(join(path, '..data_tmp'), join(path, '..data'));
  };
  await swap(files);
  await symlink(join('..data', 'tls.crt'), join(path, 'tls.crt'));
  await symlink(join('..data', 'tls.key'), join(path, 'tls.key'));
  return { path, swap, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

export interface TlsScene extends Scene {
  readonly mount: MountedPair;
}

/** Its clients trust the scene's CA. */
export async function openTlsScene(wishes: SceneWishes = {}): Promise<TlsScene> {
  const mount = await mountPair(good);
  const scene = await openScene({ ...wishes, tlsFolder: mount.path }).catch(async (error: unknown) => {
    await mount[Symbol.asyncDispose]();
    throw error;
  });
  return {
    ...scene,
    mount,
    connect: (options) => scene.connect({ ca, ...options }),
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await mount[Symbol.asyncDispose]();
    },
  };
}

/** The handshake alone: when the certificate that is shown ends, and what was agreed. Trusts everybody. */
export async function shakeHands(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ readonly validTo: string; readonly protocol: string | null; readonly alpn: unknown }> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  try {
    await once(socket, 'secureConnect');
    const validTo = socket.getPeerCertificate().valid_to;
    return { validTo, protocol: socket.getProtocol(), alpn: socket.alpnProtocol };
  } finally {
    socket.destroy();
  }
}
