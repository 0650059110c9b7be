/** `helm template` of the chart, as objects. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** What a user writes into a values file. */
export type Values = Readonly<Record<string, unknown>>;

/** One rendered object; what is below is read as `unknown`, and compared. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  /** [turnbridge] */
  readonly release?: string;
  /** [turnbridge] */
  readonly namespace?: string;
  /** What the cluster serves beyond Kubernetes itself: `monitoring.coreos.com/v1`. */
  readonly apiVersions?: readonly string[];
  /** [that of Helm's own libraries] */
  readonly kubeVersion?: string;
  /** [helm4] */
  readonly helm?: 'helm4' | 'helm3';
  /** Templates, such as `templates/bridge/service.yaml`: the others are left out. */
  readonly showOnly?: readonly string[];
  /** Folder of the chart [charts/turnbridge]. */
  readonly chart?: string;
}

export const CHART_FOLDER = join(import.meta.dirname, '../../charts/turnbridge');

/**
 * The objects that an installation would send, hooks among them, in Helm's order.
 * @throws Error with Helm's words where it refuses
 */
export async function render(values: Values = {}, options: RenderOptions = {}): Promise<KubeObject[]> {
  return objectsOf(await renderText(values, options));
}

/** The same as text, as Helm prints it. */
export async function renderText(values: Values = {}, options: RenderOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await template(values, options);
  if (code !== 0) throw new Error(`helm template refused: ${stderr}`);
  return stdout;
}

/** The notes that `helm install` prints with these values. Of both, Helm 4 alone prints them without a cluster. */
export async function renderNotes(
  values: Values = {},
  options: Pick<RenderOptions, 'release' | 'namespace'> = {},
): Promise<string> {
  const { code, stdout, stderr } = await template(values, options, ['install', '--dry-run=client']);
  if (code !== 0) throw new Error(`helm install --dry-run refused: ${stderr}`);
  return stdout.slice(stdout.indexOf('\nNOTES:\n') + 1);
}

/**
 * Why these values are refused, as the user reads it: the sentence of a guard, or what Helm says of the schema.
 * @throws Error where they are not refused
 */
export async function renderFailure(values: Values, options: RenderOptions = {}): Promise<string> {
  const { code, stderr } = await template(values, options);
  if (code === 0) throw new Error('helm template took these values, and should have refused them');
  return stderr.trim();
}

/** The objects of a text with several YAML documents; empty ones are left out. */
export function objectsOf(text: string): KubeObject[] {
  return parseAllDocuments(text, { version: '1.1', uniqueKeys: true })
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS() as KubeObject | null;
    })
    .filter((object) => object !== null);
}

/** `Deployment/turnbridge` among the objects. */
export function find(objects: readonly KubeObject[], name: string): KubeObject | undefined {
  return objects.find((object) => nameOf(object) === name);
}

/** `Deployment/turnbridge`; in a namespace other than the release's, `Role/turnbridge@team-a`. */
export function nameOf({ kind, metadata }: KubeObject, namespace = 'turnbridge'): string {
  const elsewhere = metadata.namespace !== undefined && metadata.namespace !== namespace;
  return `${kind}/${metadata.name}${elsewhere ? `@${metadata.namespace}` : ''}`;
}

/**
 * The Helm that the suite built.
 * @throws Error outside of the suite
 */
export function helmProgram(version: 'helm4' | 'helm3' = 'helm4'): string {
  const variable = version === 'helm4' ? 'TURNBRIDGE_TEST_HELM' : 'TURNBRIDGE_TEST_HELM3';
  const program = process.env[variable];
  if (program === undefined) {
    throw new Error(`${variable} does not say where Helm is: run npm run test:chart, which builds it`);
  }
  return program;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function template(
  values: Values,
  options: RenderOptions,
  command: readonly string[] = ['template'],
): Promise<Outcome> {
  const { release = 'turnbridge', namespace = 'turnbridge', chart = CHART_FOLDER } = options;
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-render-'));
  try {
    const file = join(folder, 'values.json');
    await writeFile(file, JSON.stringify(values));
    return await run(helmProgram(options.helm), [
      ...command,
      release,
      chart,
      `--namespace=${namespace}`,
      `--values=${file}`,
      ...(options.kubeVersion === undefined ? [] : [`--kube-version=${options.kubeVersion}`]),
      ...(options.apiVersions ?? []).map((version) => `--api-versions=${version}`),
      ...(options.showOnly ?? []).map((path) => `--show-only=${path}`),
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };
  return new Promise((done, fail) => {
    execFile(program, args, limits, (error, stdout, stderr) => {
      if (error === null) done({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') done({ code: error.code, stdout, stderr });
      else fail(error); // not started, or ended by a signal
    });
  });
}
