/** Summaries as text for a terminal. Pure. */
import type { Bar } from './scenarios.ts';
import type { Summary, Verdict } from './summary.ts';

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  cell(summary: Summary): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'scenario', isNumber: false, cell: ({ name }) => name },
  { title: 'unit', isNumber: false, cell: ({ unit }) => unit },
  figure('bridge', 'bridge'),
  figure('relay', 'relay'),
  figure('ratio', 'ratio'),
  figure('over relay: p50 µs', 'addedP50Us'),
  figure('p99 µs', 'addedP99Us'),
  figure('over direct: p50 µs', 'overDirectP50Us'),
  figure('per second', 'bridgePerSecond'),
];

const OTHER_COLUMNS: readonly Column[] = [figure('other', 'other'), figure('other/this', 'otherToThis')];

const DIAL_COLUMNS: readonly Column[] = [figure('dials/turn', 'dialsPerTurn')];

const TRACED_COLUMNS: readonly Column[] = [figure('traced', 'traced'), figure('traces', 'tracesUs')];

const BARS: Column = {
  title: 'bars',
  isNumber: false,
  cell: ({ verdicts }) => verdicts.map(verdictText).join('; '),
};

/** A table of medians. `isJudged` false: bars are left out, since they were not measured well enough. */
export function toTable(summaries: readonly Summary[], isJudged: boolean): string {
  const hasOther = summaries.some(({ medians }) => medians['other'] !== undefined);
  const hasTraced = summaries.some(({ medians }) => medians['traced'] !== undefined);
  const hasDials = summaries.some(({ medians }) => medians['dialsPerTurn'] !== undefined);
  const columns = [
    ...COLUMNS,
    ...(hasDials ? DIAL_COLUMNS : []),
    ...(hasOther ? OTHER_COLUMNS : []),
    ...(hasTraced ? TRACED_COLUMNS : []),
    ...(isJudged ? [BARS] : []),
  ];
  const laidOut = columns.map((column) => layOut(column, summaries));
  return [undefined, ...summaries].map((_, row) => lineOf(laidOut, row)).join('\n');
}

/** Title and cells of a column, equally wide. */
function layOut(column: Column, summaries: readonly Summary[]): string[] {
  const { title, isNumber } = column;
  const cells = [title, ...summaries.map((summary) => column.cell(summary))];
  const width = Math.max(...cells.map(({ length }) => length));
  return cells.map((text) => (isNumber ? text.padStart(width) : text.padEnd(width)));
}

function lineOf(columns: readonly string[][], row: number): string {
  return columns
    .map((cells) => cells[row])
    .join('  ')
    .trimEnd();
}

function figure(title: string, name: string): Column {
  return { title, isNumber: true, cell: ({ medians }) => numberText(medians[name]) };
}

/** Three digits that mean something. */
function numberText(value: number | undefined): string {
  if (value === undefined) return '';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** What a bar's figure is called in a sentence; one on `bridge` speaks for itself. */
const FIGURE_NAMES: Readonly<Record<Bar['figure'], string>> = {
  bridge: '',
  ratio: 'ratio ',
  addedP50Us: 'p50 ',
  addedP99Us: 'p99 ',
  tracesUs: 'traces ',
  dialsPerTurn: 'dials ',
};

function verdictText({ bar, result }: Verdict): string {
  const aim = bar.aim === undefined ? '' : `, aim ${bar.aim}`;
  return `${FIGURE_NAMES[bar.figure]}≤ ${bar.atMost}${aim}: ${result.toUpperCase()}`;
}
