/** The real Codex CLI in an image of its own: for Jobs that use a bridge from within a cluster. */
import { createHash } from 'node:crypto';
import { access, copyFile, chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientsFolder, ensureClients } from '../clients/ensure-clients.ts';
import { cacheFolder } from '../harness/cache-folder.ts';
import { installOnce } from '../harness/install-lock.ts';
import { writeDockerArchive } from './docker-archive.ts';

/** Its name on the nodes, once it is imported. */
export const codexImage = 'localhost/codex:test';

/** Of the image; its home is an empty volume. */
const user = 65532;
const home = '/home/codex';

/**
 * The path of the archive (300 MB: it is one static binary), made now unless the cache has it. Give it to the nodes:
 * `node.importImage(await ensureCodexImage())`, which takes some seconds. Needs no network once
 * {@link ensureClients} has been called.
 */
export async function ensureCodexImage(): Promise<string> {
  await ensureClients();
  const lock = await readFile(join(clientsFolder, 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  const path = join(cacheFolder(`codex-image-${key}`), 'image.tar');
  await installOnce({
    of: path,
    isInstalled: () =>
      access(path).then(
        () => true,
        () => false,
      ),
    async install() {
      const binary = await codexBinary();
      await writeDockerArchive({
        path,
        name: codexImage,
        entrypoint: ['/codex'],
        user: `${String(user)}:${String(user)}`,
        env: [`HOME=${home}`, `CODEX_HOME=${home}`],
        async fill(root) {
          await copyFile(binary, join(root, 'codex'));
          await chmod(join(root, 'codex'), 0o755);
          await mkdir(join(root, 'tmp'));
        },
      });
    },
  });
  return path;
}

/** The npm package of each platform has it below a folder that is named after the compiler's target. */
async function codexBinary(): Promise<string> {
  const vendor = join(clientsFolder, `node_modules/@openai/codex-${process.platform}-${process.arch}/vendor`);
  const [target] = await readdir(vendor);
  if (target === undefined) throw new Error(`${vendor} is empty: remove test/clients/node_modules`);
  return join(vendor, target, 'bin/codex');
}

export interface CodexJob {
  readonly name: string;
  readonly namespace: string;
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly prompt: string;
  /** What the bridge is shown; `client-key` by default. */
  readonly apiKey?: string;
  /** `gpt-5.5` by default. */
  readonly model?: string;
  /** More of `-c`: `otel.environment="test"`. */
  readonly config?: readonly string[];
  /** Of the pod. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const keyVariable = 'BRIDGE_API_KEY';

/** A Job that runs `codex exec --json` once, as Pod Security `restricted` wants it. Its log is the events of that run. */
export function codexJob(options: CodexJob): object {
  const { name, namespace, labels = {}, annotations = {} } = options;
  const container = {
    name: 'codex',
    image: codexImage,
    imagePullPolicy: 'Never',
    args: codexWords(options),
    env: [
      { name: keyVariable, value: options.apiKey ?? 'client-key' },
      { name: 'RUST_LOG', value: 'codex_core=warn,codex_api=info' },
      { name: 'NO_COLOR', value: '1' },
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'home', mountPath: home },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  const pod = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
    volumes: [
      { name: 'home', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
    ],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: { backoffLimit: 0, template: { metadata: { labels, annotations }, spec: pod } },
  };
}

function codexWords({ baseUrl, prompt, model = 'gpt-5.5', config = [] }: CodexJob): readonly string[] {
  const text = JSON.stringify; // a JSON string is a TOML basic string
  const provider = [
    'name = "Bridge"',
    `base_url = ${text(baseUrl)}`,
    'wire_api = "responses"',
    `env_key = ${text(keyVariable)}`,
    'supports_websockets = true',
  ];
  const settings = [
    `model = ${text(model)}`,
    'model_provider = "bridge"',
    'approval_policy = "never"',
    'sandbox_mode = "danger-full-access"',
    'check_for_update_on_startup = false',
    'web_search = "disabled"',
    `model_providers.bridge = { ${provider.join(', ')} }`,
    ...config,
  ];
  const flags = ['--json', '--ephemeral', '--skip-git-repo-check', '--ignore-rules', '--strict-config'];
  return ['exec', ...flags, '-C', home, ...settings.flatMap((each) => ['-c', each]), prompt];
}
