/** `turnbridge check`: says what is wrong with route files before anything is started or applied. */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { loadFiles } from '../src/config/load.ts';
import type { SourceFile } from '../src/config/load.ts';
import { formatProblem, summarize } from '../src/config/problem.ts';
import type { LocatedProblem } from '../src/config/problem.ts';
import { readFiles } from '../src/config/read-files.ts';
import { responsesRouteCrd } from '../src/route/crd.ts';
import { responsesRouteJsonSchema } from '../src/route/json-schema.ts';
import { VERSION } from './version.ts';

const HELP = `Usage: turnbridge check -f FILE [-f FILE ...]

Checks route files: every mistake at once, with file, line, column, and what to write instead.
Files given together are checked as one set: a route of one may refer to a Secret of another.

  -f, --file FILE   a file, a folder (*.yaml, *.yml, *.json in it and below), or - for standard input
      --cluster     judge as a cluster does: Secrets and ConfigMaps may be there already,
                    providers on loopback addresses are refused, but for bridgeName sidecar
      --schema      print the JSON schema of ResponsesRoute, for editors, and exit
  -h, --help        print this

Exit codes: 0 no errors (warnings are allowed), 1 errors, 2 wrong usage.
`;

const OK = 0;
const ERRORS = 1;
const USAGE = 2;

/** @returns The exit code. */
export async function check(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === 'string') {
    process.stderr.write(`turnbridge check: ${options}\nTry turnbridge check --help.\n`);
    return USAGE;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return OK;
  }
  if (options.schema) {
    process.stdout.write(`${JSON.stringify(responsesRouteJsonSchema(), null, 2)}\n`);
    return OK;
  }
  if (options.crd) {
    process.stdout.write(printCrd());
    return OK;
  }
  const { files, problems: unread } = await readAll(options.files);
  const loaded = loadFiles(files, {
    env: process.env,
    // A file is often checked where its keys are not: in a review, in CI.
    missingVariables: 'warning',
    loopbackAllowed: options.cluster ? 'Sidecars' : true,
    missingReferences: options.cluster ? 'Tolerated' : 'Refused',
    bridgeName: undefined,
  });
  const problems: readonly LocatedProblem[] = [...unread, ...loaded.problems];
  for (const problem of problems) process.stdout.write(`${formatProblem(problem)}\n`);
  if (loaded.kind === 'loaded' && loaded.snapshot === undefined && unread.length === 0) {
    process.stdout.write('There is no ResponsesRoute in what was checked.\n');
  }
  process.stdout.write(`${summarize(problems, files.length)}\n`);
  return problems.some((problem) => problem.severity === 'error') ? ERRORS : OK;
}

/** Long lines stay whole: they are descriptions and rules, which nobody should have to join before searching. */
function printCrd(): string {
  const crd = stringify(responsesRouteCrd(VERSION), {
    aliasDuplicateObjects: false,
    // kubectl reads YAML 1.1, where a bare word such as off is false.
    version: '1.1',
    lineWidth: 0,
    singleQuote: true,
  });
  return `# Printed by turnbridge check --crd from the schema in src/route; not to be edited.\n${crd}`;
}

interface CheckOptions {
  readonly files: readonly string[];
  readonly cluster: boolean;
  readonly schema: boolean;
  readonly crd: boolean;
  readonly help: boolean;
}

/** The options, or what is wrong with them. */
function readOptions(argv: string[]): CheckOptions | string {
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        file: { type: 'string', short: 'f', multiple: true, default: [] },
        cluster: { type: 'boolean', default: false },
        schema: { type: 'boolean', default: false },
        crd: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const [positional] = positionals;
    if (positional !== undefined) return `${positional} has no option before it; write -f ${positional}`;
    const { file: files, cluster, schema, crd, help } = values;
    if (files.length === 0 && !schema && !crd && !help) return 'nothing to check; write -f FILE';
    return { files, cluster, schema, crd, help };
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

async function readAll(
  paths: readonly string[],
): Promise<{ files: readonly SourceFile[]; problems: readonly LocatedProblem[] }> {
  // A file may be named twice, by itself and through its folder: it is checked once.
  const files = new Map<string, SourceFile>();
  const problems: LocatedProblem[] = [];
  for (const path of new Set(paths)) {
    if (path === '-') {
      files.set(path, { name: '(stdin)', text: await text(process.stdin) });
      continue;
    }
    const read = await readFiles(path);
    problems.push(...read.problems);
    for (const file of read.files) files.set(file.name, file);
  }
  return { files: [...files.values()], problems };
}
