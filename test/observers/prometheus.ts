/** A real Prometheus on a free port, with its data in a temporary folder, and what it answers to queries. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { until } from '../harness/wait-for.ts';
import { ensurePrometheus } from './prometheus-program.ts';
import { startOnFreePort, startServerProcess } from './server-process.ts';

export interface PrometheusOptions {
  /** By job name. */
  readonly scrape: Readonly<Record<string, ScrapeJob>>;
  /** Rule files as text, as `rule_files` has them: documents with `groups`. */
  readonly rules?: readonly string[];
  /** How often rules are evaluated unless their group says; 200 ms by default, for tests that wait for it. */
  readonly evaluationIntervalMs?: number;
}

export interface ScrapeJob {
  /** `HOST:PORT` each. */
  readonly targets: readonly string[];
  /** 200 ms by default. */
  readonly intervalMs?: number;
  /** Added to every series. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Further fields of the job, as its documentation has them. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** One series of an instant query: its labels, `__name__` among them, and its value now. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One series of a range query. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value then. */
  readonly points: readonly (readonly [atS: number, value: number])[];
}

export interface Range {
  /** Seconds since 1970. */
  readonly startS: number;
  readonly endS: number;
  readonly stepS: number;
}

/** Owns the process and its folder; `await using` removes both. */
export interface Prometheus extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** An instant query. A scalar is one sample without labels. Rejects with what Prometheus has against it. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Waits until an instant query returns a series. */
  waitForQuery(expression: string, timeoutMs?: number): Promise<readonly Sample[]>;
  queryRange(expression: string, range: Range): Promise<readonly Series[]>;
  /** `data` of any GET of `/api/v1`: `targets`, `rules`, `alerts`, `metadata`, `query_exemplars?…`. */
  api(path: string): Promise<unknown>;
  /** What it printed: a rule that fails says so there. */
  log(): string;
  close(): Promise<void>;
}

const defaultIntervalMs = 200;

/** Of a first scrape that comes 5 s after the start, of scrapes and rules that follow it, on a loaded machine. */
const waitMs = 20_000;

/**
 * Starts Prometheus; fetches it first where it is missing. Exemplars are stored. It hands targets to its scraper every
 * 5 s, so nothing is there before.
 */
export async function openPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const programs = await ensurePrometheus();
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-prometheus-'));
  try {
    await writeConfig(folder, options);
    return await startOnFreePort((port) => start(programs.prometheus, folder, port));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function writeConfig(folder: string, options: PrometheusOptions): Promise<void> {
  const { scrape, rules = [], evaluationIntervalMs = defaultIntervalMs } = options;
  const ruleFiles = rules.map((text, index) => ({ path: join(folder, `rules-${index}.yml`), text }));
  const config = {
    global: { evaluation_interval: `${evaluationIntervalMs}ms` },
    rule_files: ruleFiles.map(({ path }) => path),
    scrape_configs: Object.entries(scrape).map(([name, job]) => ({
      job_name: name,
      scrape_interval: `${job.intervalMs ?? defaultIntervalMs}ms`,
      // has to be below the interval, which is far below what a loaded machine may need for one scrape
      scrape_timeout: `${job.intervalMs ?? defaultIntervalMs}ms`,
      static_configs: [{ targets: job.targets, labels: job.labels ?? {} }],
      ...job.more,
    })),
  };
  for (const { path, text } of ruleFiles) await writeFile(path, text);
  await writeFile(join(folder, 'prometheus.yml'), stringify(config));
}

async function start(command: string, folder: string, port: number): Promise<Prometheus> {
  const url = `http://127.0.0.1:${port}`;
  const server = await startServerProcess({
    command,
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  const api = (path: string): Promise<unknown> => read(`${url}/api/v1/${path}`);
  const close = async (): Promise<void> => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  const query = async (expression: string): Promise<readonly Sample[]> => {
    const search = new URLSearchParams({ query: expression });
    return toSamples((await api(`query?${search.toString()}`)) as QueryResult);
  };
  return {
    url,
    api,
    query,
    waitForQuery: (expression, timeoutMs = waitMs) =>
      until(
        async () => {
          const samples = await query(expression);
          return samples.length > 0 && samples;
        },
        `an answer to ${expression}`,
        timeoutMs,
      ),
    async queryRange(expression, { startS, endS, stepS }) {
      const search = new URLSearchParams({
        query: expression,
        start: String(startS),
        end: String(endS),
        step: String(stepS),
      });
      const { result } = (await api(`query_range?${search.toString()}`)) as { result: RawSeries[] };
      return result.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(([atS, value]) => [atS, Number(value)] as const),
      }));
    },
    log: () => server.log(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type RawPoint = readonly [atS: number, value: string];

interface RawSeries {
  readonly metric: Record<string, string>;
  readonly values: readonly RawPoint[];
}

type QueryResult =
  | { resultType: 'vector'; result: readonly { metric: Record<string, string>; value: RawPoint }[] }
  | { resultType: 'scalar'; result: RawPoint };

function toSamples(data: QueryResult): readonly Sample[] {
  if (data.resultType === 'scalar') return [{ labels: {}, value: Number(data.result[1]) }];
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function read(url: string): Promise<unknown> {
  const response = await fetch(url);
  const answer = (await response.json()) as { status: string; data: unknown; error?: string };
  if (answer.status !== 'success')
    throw new Error(`Prometheus answered ${response.status}: ${answer.error ?? ''}`);
  return answer.data;
}
