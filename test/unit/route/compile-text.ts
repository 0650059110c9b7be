/** Routes for tests, written as YAML: only what matters, apiVersion and kind are added. */
import { parseAllDocuments } from 'yaml';
import { checkResource } from '../../../src/route/check-resource.ts';
import { compile, compileRoutes } from '../../../src/route/compile.ts';
import type { CompileOptions, CompileResult } from '../../../src/route/compile.ts';
import { isReferenceProblem } from '../../../src/route/problem.ts';
import { API_VERSION, KIND } from '../../../src/route/resource.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { ServedRoute, Snapshot } from '../../../src/route/snapshot.ts';

export type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * @param text Documents with `spec`, and `metadata` where it matters (default: default/r0, default/r1, …).
 * @param objects Secrets and ConfigMaps by `namespace/name`.
 */
export function compileText(
  text: string,
  objects: Objects = {},
  options: Partial<CompileOptions> = {},
): CompileResult {
  return compile(...inputsOf(text, objects, options));
}

/** What a cluster would serve of them: providers whose credentials are missing are left out. */
export function servedOf(text: string, objects: Objects = {}): readonly ServedRoute[] {
  const { served, problems } = compileRoutes(...inputsOf(text, objects, { missingReferences: 'LeftOut' }));
  const refused = problems.filter((problem) => problem.severity === 'error' && !isReferenceProblem(problem));
  if (refused.length > 0) throw new Error(JSON.stringify(refused, null, 2));
  return served;
}

function inputsOf(
  text: string,
  objects: Objects,
  options: Partial<CompileOptions>,
): Parameters<typeof compile> {
  const documents = parseAllDocuments(text).map((document, index) =>
    checkResource({
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: `r${index}` },
      ...(document.toJS() as object),
    }),
  );
  const find = (namespace: string, name: string) => {
    const entries = objects[`${namespace}/${name}`];
    return entries && new Map(Object.entries(entries));
  };
  const lookup = {
    secret: (namespace: string, name: string) => {
      const entries = find(namespace, name);
      return entries && new Map([...entries].map(([key, value]) => [key, new Secret(value)]));
    },
    configMap: find,
  };
  return [
    documents,
    lookup,
    { loopbackAllowed: false, missingReferences: 'Refused', bridgeName: undefined, ...options },
  ];
}

/** The same where every document must be without an error. */
export function snapshotOf(text: string, objects: Objects = {}): Snapshot {
  const { snapshot, problems } = compileText(text, objects);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (snapshot === undefined || errors.length > 0) throw new Error(JSON.stringify(errors, null, 2));
  return snapshot;
}
