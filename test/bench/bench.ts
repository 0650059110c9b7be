/** `npm run bench`: measures the bridge of this checkout, prints a table, judges it by its bars. */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildJudges, type Judges } from './build-judges.ts';
import { RunFailed } from './child.ts';
import { chooseCores, type Cores } from './cores.ts';
import { measure, type Effort } from './measure.ts';
import { openProvider } from './middle.ts';
import { maxOpenFilesIn, twiceAtMost, withinLimit } from './quick.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { disturbed, summarize, type Summary } from './summary.ts';
import { toTable } from './table.ts';

const HELP = `Usage: npm run bench -- [options]

Measures what the bridge costs beside a plain TCP relay. Needs Linux and a C compiler; takes about ten minutes.

  --only NAME[,NAME]   these scenarios only: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --pairs N            pairs of runs per scenario with bars [7]; others in proportion
  --quick              every scenario once and briefly, once more if its run failed; nothing is judged
  --bridge COMMAND     measure another bridge beside this one, such as "node ../old/cmd/turnbridge.ts"
  --realtime           let nothing else run on the two cores meanwhile (needs root); for a busy machine
  --out FILE           write everything that was measured, as JSON
  --help               this text

Exit codes: 0 all bars reached, 1 a bar was missed or a run failed, 2 wrong usage.`;

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly effort: Effort;
  readonly isQuick: boolean;
  readonly priority: number;
  readonly out: string | undefined;
}

/** Of 1 to 99: above ordinary processes, below the kernel's own. */
const REALTIME_PRIORITY = 20;

const FULL = { warmUpMs: 600, windowMs: 2_000 };
const QUICK = { warmUpMs: 200, windowMs: 500 };

/** Undefined: help was asked for. @throws Error with a sentence on wrong usage. */
function parseOptions(argv: string[]): Options | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      pairs: { type: 'string', default: '7' },
      quick: { type: 'boolean', default: false },
      bridge: { type: 'string' },
      realtime: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const pairs = values.quick ? 1 : Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < 1)
    throw new Error(`--pairs is a whole number, not "${values.pairs}"`);
  const names = values.only?.split(',');
  const unknown = names?.find((name) => SCENARIOS.every((scenario) => scenario.name !== name));
  if (unknown !== undefined) throw new Error(`there is no scenario "${unknown}"`);
  return {
    scenarios: SCENARIOS.filter(({ name }) => names?.includes(name) ?? true),
    effort: { times: values.quick ? QUICK : FULL, pairs, other: values.bridge?.split(' ').filter(Boolean) },
    isQuick: values.quick,
    priority: values.realtime ? REALTIME_PRIORITY : 0,
    out: values.out,
  };
}

/** A summary for each scenario as soon as it is measured. @throws RunFailed */
async function* measureAll({ scenarios, effort, priority, isQuick }: Options): AsyncGenerator<Summary> {
  if (process.platform !== 'linux') throw new RunFailed('the judges are written for Linux (epoll, /proc)');
  const judges = await buildJudges();
  const cores = chooseCores(priority);
  if (cores.middle === cores.judges) {
    say(process.stderr, 'One core only: the bridge shares it with its judges, so latencies mean nothing.');
  }
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-bench-run-'));
  const leave = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', leave);
  const maxOpenFiles = isQuick ? maxOpenFilesIn(await readFile('/proc/self/limits', 'utf8')) : Infinity;
  for (const [i, asPlanned] of scenarios.entries()) {
    const scenario = withinLimit(asPlanned, maxOpenFiles);
    say(process.stderr, `${i + 1}/${scenarios.length} ${scenario.name}: ${scenario.title}`);
    // The second time with windows that are as long as they are for bars: nobody has the processor for that long.
    const run = (isAgain = false) =>
      measureOne({ judges, cores, folder }, scenario, isAgain ? { ...effort, times: FULL } : effort);
    const onFailure = ({ message }: RunFailed) => say(process.stderr, `bench: ${message}; once more`);
    yield await (isQuick ? twiceAtMost(run, onFailure) : run());
  }
}

interface Place {
  readonly judges: Judges;
  readonly cores: Cores;
  readonly folder: string;
}

/** With a provider of its own: what one scenario leaves behind must not be measured with the next. @throws RunFailed */
async function measureOne(place: Place, scenario: Scenario, effort: Effort): Promise<Summary> {
  const provider = await openProvider(place.judges, place.cores);
  await using _owned = provider.child;
  return summarize(scenario, await measure({ ...place, providerPort: provider.port }, scenario, effort));
}

function toReport(options: Options, summaries: readonly Summary[]): string {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
  const { times, pairs, other } = options.effort;
  const report = { measuredAt: new Date().toISOString(), machine, times, pairs, other, scenarios: summaries };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

async function main(argv: string[]): Promise<number> {
  try {
    return await benchAsTold(argv);
  } catch (error) {
    if (!(error instanceof RunFailed)) throw error;
    say(process.stderr, `bench: ${error.message}`);
    return 1;
  }
}

/** @throws RunFailed when there is no figure to be had. */
async function benchAsTold(argv: string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = parseOptions(argv);
  } catch (error) {
    say(process.stderr, `bench: ${(error as Error).message} (npm run bench -- --help)`);
    return 2;
  }
  if (options === undefined) {
    say(process.stdout, HELP);
    return 0;
  }
  const summaries: Summary[] = [];
  try {
    for await (const summary of measureAll(options)) summaries.push(summary);
  } finally {
    // Also when a later scenario failed: what was measured was measured.
    say(process.stdout, toTable(summaries, !options.isQuick));
    if (options.isQuick) say(process.stdout, 'quick: nothing is judged');
    for (const name of disturbed(summaries)) {
      say(process.stderr, `${name}: the relay was held up as well, so the machine is busy: measure again.`);
    }
    if (options.out !== undefined) await writeFile(options.out, toReport(options, summaries));
  }
  const isMissed = summaries.some(({ verdicts }) => verdicts.some(({ result }) => result === 'missed'));
  return isMissed && !options.isQuick ? 1 : 0;
}

function say(to: NodeJS.WriteStream, text: string): void {
  to.write(`${text}\n`);
}

// So that `exit` is emitted. Its processes need no word: they go when it goes (judges/pin.c).
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
