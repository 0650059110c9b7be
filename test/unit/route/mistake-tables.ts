/** The tables of docs/route-mistakes.md, from the rows that tests hold against check, operator and API server. */
import { ROUTE_MISTAKES } from '../../harness/route-mistakes.ts';
import type { InCluster, RouteMistake, Section } from '../../harness/mistakes/mistake-row.ts';

export interface MistakeTable {
  readonly section: Section;
  /** Lines of Markdown, without the heading. */
  readonly rows: readonly string[];
}

/** One table for each section, in the order of the sections. */
export function mistakeTables(): readonly MistakeTable[] {
  const sections = Map.groupBy(ROUTE_MISTAKES, ({ section }) => section);
  return [...sections].map(([section, mistakes]) => ({ section, rows: mistakes.map(toRow) }));
}

function toRow({ mistake, check, cluster }: RouteMistake): string {
  return `| ${mistake} | ${cell(check)} | ${inCluster(cluster, check)} |`;
}

function inCluster(cluster: InCluster, check: string): string {
  switch (cluster.by) {
    case 'API server':
      if (!('says' in cluster) || check.includes(cluster.says)) return 'API server, in the same words';
      return `API server: ${cell(cluster.says)}`;
    case 'strict clients':
      return `kubectl: ${cell(cluster.says)}`;
    case 'status': {
      const where = `status: \`${cluster.condition}\` is False, \`${cluster.reason}\``;
      return 'says' in cluster ? `${where}, ${cell(cluster.says)}` : `${where}, in the same words`;
    }
    case 'nobody':
      return `nobody: ${cluster.because}`;
  }
}

/** A sentence as a cell. */
function cell(sentence: string): string {
  return sentence.replaceAll('NAMESPACE', 'ai').replaceAll(/[*_<|]/g, String.raw`\$&`);
}
