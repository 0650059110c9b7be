/** Everything that is known of one turn, below its row. */
import { duration, element, full } from './elements.js';
import { drawBar, isSilent, PHASE_NAMES, phasesOf } from './waterfall.js';

/** @import { AttemptMarks, TurnRow } from '../page-state.ts' */

const ATTEMPT_COLUMNS = [
  '#',
  'provider',
  'over',
  'because',
  'result',
  'status',
  'at',
  'connect',
  'answered',
  'first event',
  'took',
];

export class TurnDetails {
  row = element('tr', 'details');
  #cell = element('td', '');
  #shown = '';

  constructor() {
    this.row.append(this.#cell);
  }

  /** @param {number} columns of the table that can be seen */
  span(columns) {
    this.#cell.colSpan = columns;
  }

  /** @param {TurnRow} turn @param {number} total what it took, or takes until now, in milliseconds */
  show(turn, total) {
    // a marked text would be lost: what has not changed is not made again
    const shown = JSON.stringify([turn, turn.state === 'ended' ? 0 : Math.floor(total / 1000)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const bar = element('div', 'waterfall whole');
    drawBar(bar, turn, total);
    this.#cell.replaceChildren(
      bar,
      element(
        'div',
        'columns',
        element(
          'div',
          'stack',
          group('Time', phaseTable(turn, total)),
          group(attemptTitle(turn), attemptTable(turn.attempts)),
        ),
        group('Turn', list(identity(turn))),
        group('Numbers', list(numbers(turn))),
      ),
    );
  }
}

/** @param {string} title @param {HTMLElement} content */
function group(title, content) {
  return element('section', '', element('h3', '', title), content);
}

/** @param {TurnRow} turn @param {number} total */
function phaseTable(turn, total) {
  const body = element('tbody', '');
  for (const { kind, fromMs, toMs } of phasesOf(turn, total)) {
    body.append(
      element(
        'tr',
        '',
        element('td', '', element('i', `swatch ${kind}`), PHASE_NAMES[kind]),
        element('td', 'number muted', `+${duration(fromMs)}`),
        element('td', 'number', duration(toMs - fromMs)),
      ),
    );
  }
  body.append(
    element(
      'tr',
      'sum',
      element('td', '', 'total'),
      element('td', ''),
      element('td', 'number', duration(total)),
    ),
  );
  return element('table', 'small', body);
}

/** @param {TurnRow} turn */
function attemptTitle({ attemptCount, attempts }) {
  return attemptCount > attempts.length
    ? `Attempts (last ${attempts.length} of ${attemptCount})`
    : 'Attempts';
}

/** @param {readonly AttemptMarks[]} attempts */
function attemptTable(attempts) {
  if (attempts.length === 0) return element('p', 'muted', 'none');
  const head = element('tr', '');
  for (const name of ATTEMPT_COLUMNS) {
    const cell = element('th', alignOf(name), name);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = element('tbody', '');
  for (const attempt of attempts) {
    const { number, provider, transport, result, errorType, status } = attempt;
    const { startedMs, dialFromMs, dialToMs } = attempt;
    const outcome = [result ?? 'under way', errorType].filter(Boolean).join(' ');
    body.append(
      element(
        'tr',
        result === 'error' ? 'error' : '',
        ...[
          String(number),
          provider,
          transport === 'websocket' ? 'WebSocket' : 'HTTP',
          whyText(attempt),
          outcome,
          status === undefined ? '' : String(status),
          `+${duration(startedMs)}`,
          dialFromMs === undefined || dialToMs === undefined ? 'reused' : duration(dialToMs - dialFromMs),
          since(startedMs, attempt.answeredMs),
          since(startedMs, attempt.firstEventMs),
          since(startedMs, attempt.endedMs),
        ].map((text, column) => element('td', alignOf(ATTEMPT_COLUMNS[column]), text)),
      ),
    );
  }
  return element('table', 'small', element('thead', '', head), body);
}

/** Columns of words; the others hold numbers. */
const WORDS = new Set(['provider', 'over', 'because', 'result']);

/** @param {string | undefined} column */
function alignOf(column) {
  return column !== undefined && WORDS.has(column) ? '' : 'number';
}

/** What goes without saying: the first attempt, the way the route or the dialect asks for. */
const UNSAID = new Set(['first', 'configured', 'preferred', 'dialect']);

/**
 * Why there was this attempt, and why it travelled as it did.
 * @param {AttemptMarks} attempt
 */
export function whyText({ reason, transportReason }) {
  return [reason, transportReason]
    .filter((word) => !UNSAID.has(word))
    .map((word) => word.replaceAll('_', ' '))
    .join(': ');
}

/** @param {TurnRow} turn @returns {[string, string][]} */
function identity(turn) {
  return [
    ['turn', turn.id],
    ['connection', `${turn.connection}, its turn ${turn.index}`],
    ['trace', turn.traceId ?? 'not kept'],
    ['response', turn.responseId ?? ''],
    ['provider request', requestIds(turn).join(', ')],
    ['client', `${turn.client}, ${turn.via}, ${turn.lane} lane`],
    ['route', turn.route ?? 'none'],
    ['provider', turn.provider ?? 'none'],
    ['model', turn.model],
    ['received', new Date(turn.at).toISOString()],
    ['outcome', turn.outcome ?? turn.state],
    ['code', turn.answerCode ?? ''],
    ['error type', turn.errorType ?? ''],
    ['status', turn.status === undefined ? '' : String(turn.status)],
    ['continuation', turn.continuation],
  ];
}

/** @param {TurnRow} turn @returns {[string, string][]} */
function numbers(turn) {
  const { tokens } = turn;
  return [
    ['input tokens', full(tokens?.input)],
    ['cached tokens', full(tokens?.cached)],
    ['output tokens', full(tokens?.output)],
    ['reasoning tokens', full(tokens?.reasoning)],
    ['events', full(turn.events)],
    ['request bytes', full(turn.requestBytes)],
    ['bytes to the client', full(turn.bytesOut)],
    ['longest silence', duration(turn.maxGapMs) + (isSilent(turn) ? ', most of the stream' : '')],
    [
      'paused, client slow',
      turn.pausedMs > 0 ? `${duration(turn.pausedMs)}, from +${duration(turn.pausedFromMs)}` : '',
    ],
    ['the bridge itself', duration(turn.overheadMs)],
  ];
}

/** What the provider called the requests of its attempts. @param {TurnRow} turn */
export function requestIds({ attempts }) {
  return attempts.flatMap(({ requestId }) => requestId ?? []);
}

/** What is empty is left out. @param {[string, string][]} entries */
function list(entries) {
  const made = element('dl', '');
  for (const [name, value] of entries) {
    if (value !== '') made.append(element('dt', '', name), element('dd', '', value));
  }
  return made;
}

/** @param {number} from @param {number | undefined} to */
function since(from, to) {
  return to === undefined ? '' : duration(to - from);
}
