/** Steps of samples.test.ts: the parts of a sample in a stage, and one turn of Codex. */
import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { codexExec, type CodexRun } from '../clients/codex-exec.ts';
import { openCodexHome } from '../clients/codex-home.ts';
import type { SampleCase } from '../clients/sample-cases.ts';
import type { SampleDocument } from '../clients/sample-routes.ts';
import type { RunningBridge, Stage } from './stage.ts';

/** The documents in a namespace; their routes for the bridge of that name, or for the one they name themselves. */
export function inNamespace(
  documents: readonly SampleDocument[],
  namespace: string,
  bridgeName?: string,
): readonly SampleDocument[] {
  return documents.map((document) => {
    const moved = { ...document, metadata: { ...document.metadata, namespace } };
    if (document.kind !== 'ResponsesRoute' || bridgeName === undefined) return moved;
    return { ...moved, spec: { ...(document['spec'] as object), bridgeName } };
  });
}

export function routeNames(documents: readonly SampleDocument[]): readonly string[] {
  return documents.filter(({ kind }) => kind === 'ResponsesRoute').map(({ metadata }) => metadata.name);
}

/** How many routes a bridge serves now; undefined before its first snapshot. */
export async function routeCount({ opsUrl }: RunningBridge): Promise<number | undefined> {
  const { routes } = (await (await fetch(`${opsUrl}/snapshot`)).json()) as { routes?: number };
  return routes;
}

/** One turn of the real Codex, as this client of the sample, and what came of it to the provider. */
export async function codexTurn(
  { home: options }: SampleCase,
  baseUrl: string,
  provider: ScriptedProvider,
): Promise<{ readonly run: CodexRun; readonly requests: readonly RecordedRequest[] }> {
  const before = provider.requests.length;
  await using home = await openCodexHome({ ...options, baseUrl });
  const run = await codexExec(home, 'Say hello');
  return { run, requests: provider.requests.slice(before) };
}

/** Of {@link codexTurn}. */
export const goodRun = { exitCode: 0, lastMessage: 'Answer to: Say hello' };

/** What manifests/rbac gives to a namespace with sidecars: the operator writes its Secret, the bridges there read it. */
export async function grantSidecar(stage: Stage, namespace: string): Promise<void> {
  for (const file of ['operator-sidecars.yaml', 'bridge.yaml']) {
    const text = await readFile(new URL(`../../manifests/rbac/${file}`, import.meta.url), 'utf8');
    const documents = parseAllDocuments(text).map((document) => document.toJS() as SampleDocument);
    const roles = documents.filter(({ kind }) => kind !== 'ServiceAccount');
    await stage.apply(
      ...roles.map((role) => ({
        ...role,
        metadata: { ...role.metadata, namespace },
        ...('subjects' in role && {
          subjects: (role['subjects'] as readonly object[]).map((subject) => ({
            ...subject,
            namespace: stage.namespace,
          })),
        }),
      })),
    );
  }
}
