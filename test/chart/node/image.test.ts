/** The image that everything else of this suite runs: what is in it, and how it runs on a node. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { distrolessPackages } from '../base-image.ts';
import { openDebianArchive } from '../debian-archive.ts';
import { openImage, type ImageFile, type OpenedImage } from '../image-files.ts';
import { nodePlace } from '../node-place.ts';
import { useNode } from '../use-node.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** 211 MB now, 127 of them Node. More needs a reason. */
const MAX_BYTES = 235_000_000;
/** By any of these names somebody who got in would go on. */
const TOOLS =
  /(^|\/)(sh|ash|bash|dash|zsh|busybox|toybox|env|su|sudo|apt|apt-get|dpkg|apk|npm|npx|corepack|yarn|curl|wget|nc|perl[\d.]*|python[\d.]*|gcc|cc|ldconfig)$/;
const USER = 65532;
const NODE = '/usr/local/bin/node';

const node = useNode();
let image: OpenedImage;
let files: readonly ImageFile[];

beforeAll(async () => {
  image = await openImage(nodePlace().imageArchive); // what the nodes run
  files = [...image.files.values()];
}, 120_000);

afterAll(async () => {
  await image[Symbol.asyncDispose]();
});

describe('in the image', () => {
  test('there is no shell, no package manager and no other tool than node', () => {
    const tools = files.filter(({ path, mode }) => !mode.startsWith('d') && TOOLS.test(path));
    expect(tools.map(({ path }) => path)).toEqual([]);
    const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/local/sbin'];
    const programs = files.filter(
      ({ path, mode }) => mode.startsWith('-') && folders.some((folder) => path.startsWith(`${folder}/`)),
    );
    expect(programs.map(({ path }) => path)).toEqual(['usr/local/bin/node']);
  });

  test('there is nothing that its user may write, and nothing that runs with the rights of another', () => {
    expect(files.length).toBeGreaterThan(1_000);
    expect(files.filter(isWritable).map(({ path, mode }) => `${mode} ${path}`)).toEqual([]);
    expect(files.filter(({ mode }) => /[sStT]/.test(mode.slice(1)))).toEqual([]);
    expect(files.filter(({ mode }) => !/^[-dlh]/.test(mode))).toEqual([]); // devices, pipes, sockets
  });

  test('there are no sources, and no package that only developers need', async () => {
    const own = files.filter(({ path }) => /^app\/(cmd|src)\/.*\.js$/.test(path));
    expect(own.length).toBeGreaterThan(100);
    expect(files.filter(({ path }) => /\.(ts|mts|cts|map)$/.test(path))).toEqual([]);
    const { devDependencies } = await packageJson();
    // types are dependencies of packages that we need; their files are gone
    const names = Object.keys(devDependencies).filter((name) => !name.startsWith('@types/'));
    expect(names.filter((name) => image.files.has(`app/node_modules/${name}`))).toEqual([]);
    expect(image.files.has('app/LICENSE')).toBe(true);
  });

  test('every package of Debian is known to scanners, and the newest that Debian offers', async () => {
    const debian = await openDebianArchive(image.config.architecture === 'arm64' ? 'arm64' : 'amd64');
    const newest = await debian.candidates(distrolessPackages);
    const found = new Map<string, string>();
    for (const { path } of files.filter(({ path }) => path.startsWith('var/lib/dpkg/status.d/'))) {
      const text = await image.read(path);
      found.set(fieldOf(text, 'Package'), fieldOf(text, 'Version'));
    }
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(newest));
    expect(await image.read('usr/lib/os-release')).toContain('VERSION_CODENAME=trixie');
  });

  test('what it is and who it runs as is written on it', async () => {
    const { version, license } = await packageJson();
    const { config } = image.config;
    expect(config.User).toBe(`${String(USER)}:${String(USER)}`);
    expect(config.Entrypoint).toEqual([NODE, '--max-semi-space-size=8', '/app/cmd/turnbridge.js']);
    expect(config.Cmd[0]).toBe('bridge');
    expect(config.WorkingDir).toBe('/app');
    expect(config.Volumes).toBeUndefined();
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Turnbridge',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
      'org.opencontainers.image.revision': expect.stringMatching(/^([0-9a-f]{40}|unknown)$/),
      'org.opencontainers.image.source': expect.stringMatching(/^https:/),
    });
    expect(config.Env).toContain(
      `TURNBRIDGE_REVISION=${config.Labels['org.opencontainers.image.revision'] ?? ''}`,
    );
  });

  test('there is not more than a node should have to fetch', async () => {
    expect((await stat(nodePlace().imageArchive)).size).toBeLessThan(MAX_BYTES);
  });
});

describe('on a node that enforces the restricted standard', () => {
  let namespace = '';

  beforeAll(async () => {
    namespace = await node.namespace({ enforce: 'restricted' });
    await node.apply(providerPod(), namespace);
    await node.mustKubectl(['wait', '-n', namespace, '--for=condition=Ready', 'pod/image', '--timeout=60s']);
  }, 120_000);

  test('it runs as its own user with a root that is read-only, and takes its compiled code from the image', async () => {
    const seen = await inPod<{ uid: number; gid: number; refused: string; cache: string }>(`({
      uid: process.getuid(),
      gid: process.getgid(),
      refused: (() => { try { require('fs').writeFileSync('/app/x', ''); } catch (error) { return error.code; } })(),
      cache: require('module').getCompileCacheDir() ?? 'none',
    })`);
    expect(seen).toEqual({
      uid: USER,
      gid: USER,
      refused: 'EROFS',
      cache: expect.stringMatching(/^\/app\/\.compile-cache\/v24.*-65532$/),
    });
    expect(image.files.has(seen.cache.slice(1))).toBe(true);
  });

  test('the heap follows the memory limit of the container', async () => {
    const limit = await inPod<number>(`require('v8').getHeapStatistics().heap_size_limit / 2 ** 20`);
    // 60 % of 512 MiB, and three halves of the space for young objects
    expect(limit).toBeGreaterThan(0.6 * 512);
    expect(limit).toBeLessThan(0.6 * 512 + 3 * 8 + 8);
  });

  test('nobody gets a shell in it', async () => {
    const { code, stderr } = await node.kubectl(['exec', '-n', namespace, 'image', '--', 'sh', '-c', 'id']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/not found|no such file/i);
  });

  /** The value of a JavaScript expression, in the container, by the node of the image and its settings. */
  async function inPod<T>(expression: string): Promise<T> {
    const code = `console.log(JSON.stringify(${expression}))`;
    const words = ['exec', '-n', namespace, 'image', '--', NODE, '--max-semi-space-size=8', '-e', code];
    return JSON.parse(await node.mustKubectl(words)) as T;
  }
});

function providerPod(): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'image' },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'provider',
          image: node.image,
          imagePullPolicy: 'Never',
          args: ['provider', '--listen', '0.0.0.0:8788'],
          env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size-percentage=60' }],
          resources: { limits: { memory: '512Mi' }, requests: { cpu: '10m', memory: '64Mi' } },
          readinessProbe: { tcpSocket: { port: 8788 }, periodSeconds: 1 },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

/** By the image's user and group, or by everybody. A link has no rights of its own. */
function isWritable({ mode, uid, gid }: ImageFile): boolean {
  if (mode.startsWith('l')) return false;
  return (
    mode[8] === 'w' || (uid === USER && mode[2] === 'w') || (gid === USER && mode[5] === 'w') || uid === USER
  );
}

function fieldOf(control: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
}

async function packageJson(): Promise<{
  readonly version: string;
  readonly license: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}> {
  return JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
}
