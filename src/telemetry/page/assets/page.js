/** The page: hears of changes, shows them, and says whether it still hears. */
import { age, element, full, part, setText, zoneName } from './elements.js';
import { showConnections, showProviders, showRoutes } from './panels.js';
import { TurnTable } from './turn-table.js';
import { PHASE_NAMES } from './waterfall.js';

/** @import { PageChange, PageState, TurnRow } from '../page-state.ts' */
/** @import { OutcomeFilter } from './turn-table.js' */

/** Bars of turns under way move so often. */
const TICK_MS = 250;
/** The server sends something each ten seconds: whoever hears nothing for longer is connected to nobody. */
const MAX_SILENCE_MS = 25_000;
/** When the server refuses, as it does while too many watch. */
const RETRY_MS = 5000;
/** Of what comes while the page is paused, so many turns are kept. */
const MAX_HELD_TURNS = 500;

const find = part('find', HTMLInputElement);
const outcome = part('outcome', HTMLSelectElement);
const scale = part('scale', HTMLSelectElement);
const pause = part('pause', HTMLButtonElement);
const link = part('link', HTMLElement);
const turnsTable = part('turns', HTMLTableElement);

/** The last that was heard, without its turns. @type {Partial<PageState>} */
let shown = {};
/** Asks again, when the server had refused. @type {number | undefined} */
let retry;
/** The server's clock against ours. */
let offsetMs = 0;
let heardAt = performance.now();
/** What came while paused; undefined: not paused. @type {{ isWhole: boolean, rest: PageChange, turns: Map<string, TurnRow> } | undefined} */
let held;
/** @type {EventSource | undefined} */
let source;

const now = () => Date.now() + offsetMs;
const turns = new TurnTable(turnsTable, now);

/** @param {'live' | 'lost' | 'paused'} kind @param {string} text */
function showLink(kind, text) {
  link.className = `state ${kind}`;
  setText(link, text);
}

/** While nobody sees the page it takes no seat: few may watch, and a browser has few connections for one host. */
function leave() {
  clearTimeout(retry);
  source?.close();
  source = undefined;
}

function connect() {
  leave();
  if (document.hidden) return;
  heardAt = performance.now();
  const opened = new EventSource('events');
  source = opened;
  opened.addEventListener('state', (event) => hear(true, JSON.parse(event.data)));
  opened.addEventListener('change', (event) => hear(false, JSON.parse(event.data)));
  opened.addEventListener('error', () => {
    if (opened.readyState === EventSource.CLOSED) void refused(opened);
    else showLink('lost', 'not connected, trying again');
  });
}

/** An event source does not tell why: the same is asked for as a plain text. @param {EventSource} opened */
async function refused(opened) {
  const reason = await whyNot();
  if (opened !== source) return;
  showLink('lost', reason === undefined ? 'not connected, trying again' : `not connected: ${reason}`);
  retry = setTimeout(connect, RETRY_MS);
}

/** @returns {Promise<string | undefined>} the server's words; undefined if there are none */
async function whyNot() {
  try {
    const answer = await fetch('events');
    if (!answer.ok) return (await answer.json()).error;
    await answer.body?.cancel();
  } catch {
    // nobody there, or no words of ours
  }
  return undefined;
}

/** @param {boolean} isWhole @param {PageChange} message */
function hear(isWhole, message) {
  heardAt = performance.now();
  offsetMs = message.now - Date.now();
  if (held === undefined) {
    showLink('live', 'live');
    return show(isWhole, message, message.turns ?? []);
  }
  if (isWhole) held = { isWhole, rest: message, turns: new Map() };
  else held.rest = { ...held.rest, ...message };
  for (const turn of message.turns ?? []) {
    held.turns.delete(turn.id);
    held.turns.set(turn.id, turn);
  }
  for (const id of held.turns.keys()) {
    if (held.turns.size <= MAX_HELD_TURNS) break;
    held.turns.delete(id);
  }
  const fresh = [...held.turns.keys()].filter((id) => !turns.hasEnded(id));
  showLink('paused', `paused, ${fresh.length} turns wait`);
}

/** @param {boolean} isWhole @param {PageChange} message @param {readonly TurnRow[]} rows */
function show(isWhole, message, rows) {
  const { turns: _, ...rest } = message;
  shown = isWhole ? rest : { ...shown, ...rest };
  if (shown.limits !== undefined) turns.limit(shown.limits.turns, shown.limits.olderFailures);
  if (isWhole) turns.replace(rows);
  else if (rows.length > 0) turns.apply(rows);
  showTop();
  showPanels(isWhole ? undefined : message);
  showTurnsNote();
}

function showTop() {
  const { process, totals } = shown;
  if (process !== undefined) {
    setText(part('version', HTMLElement), process.version);
    const readiness = part('readiness', HTMLElement);
    readiness.className = `state ${process.isReady ? 'ok' : 'failing'}`;
    setText(readiness, process.isReady ? 'ready' : (process.reason ?? 'not ready'));
  }
  if (totals === undefined) return;
  const { waiting, running, ended } = totals;
  /** @type {[string, number, string][]} */
  const entries = [
    ['running', running, ''],
    ['waiting', waiting, ''],
    ['worked', ended.ok, ''],
    ['failed', ended.error, ended.error > 0 ? 'bad' : ''],
    ['stopped', ended.aborted, ''],
  ];
  part('totals', HTMLElement).replaceChildren(
    ...entries.map(([name, count, className]) =>
      element('div', className, element('dt', '', name), element('dd', '', full(count))),
    ),
  );
}

/** @param {PageChange | undefined} message undefined: all of them */
function showPanels(message) {
  const { connections, providers, routes } = shown;
  const at = now();
  if (message === undefined || message.providers !== undefined || message.routes !== undefined) {
    showProviders(bodyOf('providers'), providers ?? [], routes, at);
  }
  if (connections !== undefined && (message === undefined || message.connections !== undefined)) {
    showConnections(bodyOf('connections'), part('connections-note', HTMLElement), connections, at);
  }
  if (message === undefined || message.routes !== undefined) {
    showRoutes(bodyOf('routes'), part('routes-note', HTMLElement), routes, at);
  }
}

function showTurnsNote() {
  const { count, shownCount, olderFailureCount } = turns;
  const older = olderFailureCount === 0 ? '' : ` + ${olderFailureCount} older failed`;
  const all = `last ${count - olderFailureCount}${older}`;
  setText(part('shown', HTMLElement), count === shownCount ? all : `${shownCount} of ${count}`);
  const empty = part('empty', HTMLElement);
  empty.hidden = shownCount > 0;
  setText(empty, count === 0 ? 'No turn yet.' : 'No turn matches.');
  const ends = scale.value === 'shared' ? [0, 0.25, 0.5, 0.75] : [];
  const texts = ends.map((share) => (share === 0 ? '0' : tickText(share * turns.scale)));
  const axis = part('axis', HTMLElement);
  if (axis.dataset['of'] === texts.join()) return;
  axis.dataset['of'] = texts.join();
  axis.replaceChildren(...texts.map((text) => element('span', '', text)));
}

/** `250 ms`, `2.5 s`, `90 s`: as short as it is exact. @param {number} ms */
function tickText(ms) {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** @param {string} id of a table */
function bodyOf(id) {
  const body = part(id, HTMLTableElement).tBodies[0];
  if (body === undefined) throw new Error(`the table ${id} has no body`);
  return body;
}

function filter() {
  turns.filter(find.value, /** @type {OutcomeFilter} */ (outcome.value));
  showTurnsNote();
}

function togglePause() {
  if (held === undefined) {
    held = { isWhole: false, rest: { now: now() }, turns: new Map() };
    showLink('paused', 'paused');
  } else {
    const { isWhole, rest, turns: waiting } = held;
    held = undefined;
    showLink('live', 'live');
    show(
      isWhole,
      rest,
      [...waiting.values()].sort((one, other) => one.at - other.at),
    );
  }
  pause.setAttribute('aria-pressed', String(held !== undefined));
  setText(pause, held === undefined ? 'Pause' : 'Go on');
}

function tick() {
  if (source !== undefined && performance.now() - heardAt > MAX_SILENCE_MS) connect();
  if (document.hidden || held !== undefined) return;
  turns.tick();
  showTurnsNote();
  if (shown.process !== undefined) {
    setText(part('uptime', HTMLElement), `up ${age(now() - shown.process.startedAt)}`);
  }
}

/** Ages grow although nothing is heard. */
function tickPanels() {
  if (!document.hidden && held === undefined) showPanels(undefined);
}

for (const [kind, name] of Object.entries(PHASE_NAMES)) {
  part('legend', HTMLElement).append(element('li', '', element('i', `swatch ${kind}`), name));
}
find.addEventListener('input', filter);
outcome.addEventListener('change', filter);
scale.addEventListener('change', () => {
  turnsTable.classList.toggle('own-scale', scale.value === 'own');
  showTurnsNote();
});
pause.addEventListener('click', togglePause);
setText(part('zone', HTMLElement), zoneName(new Date().getTimezoneOffset()));
document.addEventListener('visibilitychange', () => (document.hidden ? leave() : connect()));
setInterval(tick, TICK_MS);
setInterval(tickPanels, 5000);
connect();
