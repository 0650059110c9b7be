/** The recipe of a release names versions, scripts and arguments that stand elsewhere. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../../..');
const textOf = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps?: readonly Step[]; readonly strategy?: Strategy }>>;
}
interface Step {
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Strategy {
  readonly matrix: { readonly suite?: readonly string[] };
}

describe('the image', () => {
  test('has the node that all tests run with', async () => {
    const { devDependencies } = JSON.parse(await textOf('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const image = /^ARG NODE_IMAGE=(\S+)$/m.exec(await textOf('Dockerfile'))?.[1];
    expect(image).toBe(`docker.io/library/node:${devDependencies['node'] ?? ''}-trixie-slim`);
  });

  test('says what it is based on', async () => {
    const dockerfile = await textOf('Dockerfile');
    const base = /^ARG BASE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1] ?? 'none';
    expect(dockerfile).toContain(`org.opencontainers.image.base.name=${base} `);
  });

  test('copies nothing that the build is not given', async () => {
    const given = [...(await textOf('.dockerignore')).matchAll(/^!(\S+)$/gm)].map(([, path]) => path);
    const copied = [...(await textOf('Dockerfile')).matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      ([, paths = '']) => paths.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !given.includes(path))).toEqual([]);
  });
});

describe('the public workflows', () => {
  test.each(['ci', 'release'])('%s runs scripts that there are', async (name) => {
    const { scripts } = JSON.parse(await textOf('package.json')) as { scripts: Record<string, string> };
    const used = scriptsIn(await workflow(name)).filter((script) => !(script in scripts));
    expect(used).toEqual([]);
  });

  test('ci runs all that the gate runs', async () => {
    const gate = [...(await textOf('.ci/run')).matchAll(/^npm (?:run )?([\w:]+)/gm)].map(
      ([, script = '']) => script,
    );
    const run = scriptsIn(await workflow('ci'));
    expect(gate).toContain('test:cluster');
    expect(gate.filter((script) => !npmOwn.has(script) && !run.includes(script))).toEqual([]);
  });

  test('release gives the image every argument that it has, and files that there are', async () => {
    const { jobs } = await workflow('release');
    const build = jobs['image']?.steps?.find((step) => 'build-args' in (step.with ?? {}));
    const given = [...String(build?.with?.['build-args']).matchAll(/^(\w+)=/gm)].map(
      ([, argument]) => argument,
    );
    const known = [...(await textOf('Dockerfile')).matchAll(/^ARG (VERSION|REVISION)=/gm)].map(
      ([, name]) => name,
    );
    expect(new Set(given)).toEqual(new Set(known));
    const owner = /(charts\/artifacthub-repo\.\w+):/.exec(
      await textOf('.github/workflows/release.yaml'),
    )?.[1];
    expect(await textOf(owner ?? 'none')).toContain('owners:');
  });
});

async function workflow(name: string): Promise<Workflow> {
  return parse(await textOf(`.github/workflows/${name}.yaml`)) as Workflow;
}

const npmLine = /\bnpm (?:run )?(?!run\b)([\w:]+)/g;
/** What npm does by itself. */
const npmOwn = new Set(['audit', 'ci', 'publish', 'sbom']);

/** Names of npm scripts; a matrix of suites counts for the name that it stands for. */
function scriptsIn({ jobs }: Workflow): readonly string[] {
  return Object.values(jobs).flatMap(({ steps = [], strategy }) => {
    const text = steps.map(({ run = '' }) => run).join('\n');
    const named = [...text.matchAll(npmLine)]
      .map(([, name = '']) => name)
      .filter((name) => !npmOwn.has(name));
    return [...named, ...(strategy?.matrix.suite ?? [])];
  });
}
