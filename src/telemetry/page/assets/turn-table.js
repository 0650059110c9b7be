/** The table of turns: one row each, newest first, changed in place as messages come. */
import { duration, element, setText, short, timeOfDay } from './elements.js';
import { requestIds, TurnDetails } from './turn-details.js';
import { barText, drawBar, scaleOf, totalMs } from './waterfall.js';

/** @import { TurnRow } from '../page-state.ts' */

/** What the class of an outcome is called in the filter. @typedef {'' | 'live' | 'ok' | 'error' | 'aborted'} OutcomeFilter */

export class TurnTable {
  #table;
  #body;
  #now;
  #maxEnded = 300;
  #maxOlderFailures = 100;
  /** Newest first. @type {Line[]} */
  #lines = [];
  /** @type {Map<string, Line>} */
  #byId = new Map();
  /** @type {string[]} */
  #words = [];
  /** @type {OutcomeFilter} */
  #outcome = '';
  #scale = 0;
  #olderFailures = 0;

  /**
   * @param {HTMLTableElement} table
   * @param {() => number} now the server's time, milliseconds since 1970
   */
  constructor(table, now) {
    const body = table.tBodies[0];
    if (body === undefined) throw new Error('the table of turns has no body');
    this.#table = table;
    this.#body = body;
    this.#now = now;
    body.addEventListener('click', (event) => this.#onClick(event));
    body.addEventListener('keydown', (event) => this.#onKey(event));
    addEventListener('resize', () => this.#onResize());
  }

  get count() {
    return this.#lines.length;
  }

  get shownCount() {
    return this.#lines.filter(({ isShown }) => isShown).length;
  }

  /** How many of them failed earlier than the last ones that are kept of any outcome. */
  get olderFailureCount() {
    return this.#olderFailures;
  }

  /** Whether the table knows that turn's end. @param {string} id */
  hasEnded(id) {
    return this.#byId.get(id)?.turn.state === 'ended';
  }

  /**
   * @param {number} maxEnded turns kept that have ended
   * @param {number} maxOlderFailures turns kept beyond them that failed
   */
  limit(maxEnded, maxOlderFailures) {
    this.#maxEnded = maxEnded;
    this.#maxOlderFailures = maxOlderFailures;
  }

  /** Everything anew; what is open stays open. @param {readonly TurnRow[]} rows oldest first */
  replace(rows) {
    const ids = new Set(rows.map(({ id }) => id));
    for (const line of this.#lines) if (!ids.has(line.turn.id)) this.#drop(line);
    this.#lines = this.#lines.filter(({ turn }) => ids.has(turn.id));
    this.apply(rows);
  }

  /** @param {readonly TurnRow[]} rows that are new or have changed, oldest first */
  apply(rows) {
    const now = this.#now();
    for (const turn of rows) {
      const known = this.#byId.get(turn.id);
      const line = known ?? new Line(turn);
      line.show(turn, now);
      line.matches(this.#words, this.#outcome);
      if (known === undefined) this.#insert(line);
    }
    this.#trim();
    this.rescale();
  }

  /** Time passes for turns under way. */
  tick() {
    const now = this.#now();
    let hasLive = false;
    for (const line of this.#lines) {
      if (line.turn.state === 'ended') continue;
      line.draw(now);
      hasLive = true;
    }
    if (hasLive) this.rescale();
  }

  /** @param {string} text words that must all be there @param {OutcomeFilter} outcome */
  filter(text, outcome) {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.#outcome = outcome;
    for (const line of this.#lines) line.matches(this.#words, this.#outcome);
    this.rescale();
  }

  /** Fits the shared scale to what is shown. @returns {number} its end in milliseconds */
  rescale() {
    const now = this.#now();
    const scale = scaleOf(this.#lines.filter(({ isShown }) => isShown).map(({ turn }) => totalMs(turn, now)));
    if (scale !== this.#scale) {
      this.#scale = scale;
      this.#table.style.setProperty('--scale', String(scale));
    }
    return scale;
  }

  get scale() {
    return this.#scale;
  }

  /** @param {Line} line */
  #insert(line) {
    this.#byId.set(line.turn.id, line);
    let place = 0;
    while ((this.#lines[place]?.turn.at ?? -Infinity) > line.turn.at) place++;
    const next = this.#lines[place];
    this.#lines.splice(place, 0, line);
    this.#body.insertBefore(line.row, next?.row ?? null);
  }

  /** @param {Line} line */
  #drop(line) {
    this.#byId.delete(line.turn.id);
    line.close();
    line.row.remove();
  }

  /** What the server does with its own. */
  #trim() {
    let ended = 0;
    let older = 0;
    this.#lines = this.#lines.filter((line) => {
      const { state, outcomeClass } = line.turn;
      if (state !== 'ended' || ++ended <= this.#maxEnded) return true;
      if (outcomeClass === 'error' && older < this.#maxOlderFailures) return ++older > 0;
      this.#drop(line);
      return false;
    });
    this.#olderFailures = older;
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const line = this.#lineOf(event.target);
    // whoever marks a text does not want the row to jump
    if (line === undefined || getSelection()?.isCollapsed === false) return;
    line.toggle(this.#now(), this.#columns());
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const line = this.#lineOf(event.target);
    if (line === undefined) return;
    if (event.key === 'Escape') line.close();
    else if (event.key === 'ArrowDown') this.#focusFrom(line, 1);
    else if (event.key === 'ArrowUp') this.#focusFrom(line, -1);
    else return;
    event.preventDefault();
  }

  /** A cell that spans more columns than there are would make new ones. */
  #onResize() {
    const columns = this.#columns();
    for (const line of this.#lines) line.span(columns);
  }

  #columns() {
    const cells = [...(this.#table.tHead?.rows[0]?.cells ?? [])];
    return cells.filter((cell) => cell.offsetParent !== null).length;
  }

  /** @param {Line} line @param {1 | -1} step */
  #focusFrom(line, step) {
    let place = this.#lines.indexOf(line);
    do place += step;
    while (this.#lines[place]?.isShown === false);
    this.#lines[place]?.button.focus();
  }

  /** @param {EventTarget | null} target */
  #lineOf(target) {
    const row = target instanceof Element ? target.closest('tr') : null;
    return row?.dataset['turn'] === undefined ? undefined : this.#byId.get(row.dataset['turn']);
  }
}

/** One turn's row, and its details below while they are open. */
class Line {
  row = element('tr', 'turn');
  button = element('button', 'time');
  /** @type {TurnRow} */
  turn;
  isShown = true;
  #bar = element('div', 'waterfall');
  #barWords = element('span', 'unseen');
  #total = element('td', 'number');
  #text = '';
  /** @type {TurnDetails | undefined} */
  #details;
  #outcome = element('span', 'outcome');
  #code = element('span', 'code');
  #model = element('td', 'model');
  #route = element('span', '');
  #provider = element('span', 'muted');
  #first = element('td', 'number first');
  #input = element('td', 'number wide');
  #output = element('td', 'number wide');

  /** @param {TurnRow} turn */
  constructor(turn) {
    this.turn = turn;
    this.row.dataset['turn'] = turn.id;
    this.button.type = 'button';
    this.button.setAttribute('aria-expanded', 'false');
    this.button.textContent = timeOfDay(turn.at);
    const track = element('div', 'track', this.#bar, this.#barWords);
    this.row.append(
      element('td', '', this.button),
      element('td', 'state-of', this.#outcome, this.#code),
      this.#model,
      element('td', 'route wide', this.#route, this.#provider),
      element('td', 'axis', track),
      this.#first,
      this.#total,
      this.#input,
      this.#output,
    );
  }

  /** @param {TurnRow} turn @param {number} now */
  show(turn, now) {
    this.turn = turn;
    const { route, provider, model, tokens } = turn;
    this.row.className = `turn ${turn.state === 'ended' ? (turn.outcomeClass ?? 'error') : turn.state}`;
    setText(this.#outcome, (turn.outcome ?? turn.state).replaceAll('_', ' '));
    setText(this.#code, codeOf(turn));
    this.#code.title = codeOf(turn);
    // which of the configured models it is, is known once its route is
    setText(this.#model, turn.state === 'waiting' ? '' : model);
    setText(this.#route, route ?? '–');
    setText(this.#provider, provider ?? '');
    setText(this.#first, duration(turn.firstOutputMs));
    setText(this.#input, short(tokens?.input));
    if (tokens !== undefined && tokens.input > 0) {
      const cached = `${Math.round((100 * tokens.cached) / tokens.input)}%`;
      this.#input.append(element('span', 'cached', cached));
    }
    setText(this.#output, short(tokens?.output));
    this.#text = [
      turn.id,
      turn.connection,
      turn.traceId,
      turn.responseId,
      ...requestIds(turn),
      turn.client,
      turn.via,
      route,
      provider,
      model,
      turn.outcome ?? turn.state,
      turn.answerCode,
      turn.errorType,
    ]
      .join(' ')
      .toLowerCase();
    this.draw(now);
  }

  /** @param {number} now */
  draw(now) {
    const total = totalMs(this.turn, now);
    drawBar(this.#bar, this.turn, total);
    setText(this.#barWords, barText(this.turn, total));
    setText(this.#total, duration(total));
    this.#details?.show(this.turn, total);
  }

  /** @param {readonly string[]} words @param {OutcomeFilter} outcome */
  matches(words, outcome) {
    const { state, outcomeClass } = this.turn;
    const kind = state === 'ended' ? outcomeClass : 'live';
    this.isShown = (outcome === '' || outcome === kind) && words.every((word) => this.#text.includes(word));
    this.row.hidden = !this.isShown;
    if (!this.isShown) this.close();
  }

  /** @param {number} now @param {number} columns that can be seen */
  toggle(now, columns) {
    if (this.#details !== undefined) return this.close();
    this.#details = new TurnDetails();
    this.#details.span(columns);
    this.#details.show(this.turn, totalMs(this.turn, now));
    this.row.after(this.#details.row);
    this.button.setAttribute('aria-expanded', 'true');
  }

  /** @param {number} columns */
  span(columns) {
    this.#details?.span(columns);
  }

  close() {
    this.#details?.row.remove();
    this.#details = undefined;
    this.button.setAttribute('aria-expanded', 'false');
  }
}

/** What the client heard, or else what went wrong. @param {TurnRow} turn */
function codeOf({ answerCode, errorType }) {
  return answerCode ?? errorType ?? '';
}
