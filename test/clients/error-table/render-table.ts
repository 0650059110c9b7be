/** The rows as the tables of docs/errors.md. Pure. */
import type { ClientRow } from './client-says.ts';
import { goodAnswer, type Doing, type FaultRow } from './fault-row.ts';
import type { SdkRow } from './sdk-rows.ts';

/** A table: titles of its columns, then its rows; all Markdown. */
export type Table = readonly (readonly string[])[];

/** What the real Codex does. */
export function codexTable(rows: readonly FaultRow[]): Table {
  const cells = rows.map((row) => [
    row.happened,
    toGets(row.gets) || (row.does.how === 'goes on' ? 'the answer' : 'nothing'),
    toDoes(row.does),
    toSees(row),
    row.advice || nothing,
  ]);
  return [['what happened', 'Codex gets', 'Codex does', 'the user sees', 'what to do'], ...cells];
}

/** What a client may not say. */
export function clientTable(rows: readonly ClientRow[]): Table {
  const cells = rows.map(({ happened, gets, connection, advice }) => [
    happened,
    toGets(gets),
    connection,
    advice,
  ]);
  return [['the client sends', 'it gets', 'its connection', 'what to do'], ...cells];
}

/** What the openai SDK makes of it. */
export function sdkTable(rows: readonly SdkRow[]): Table {
  const cells = rows.map(({ happened, gets, lane, socket }) => [happened, toGets(gets), lane, socket]);
  return [['what happened', 'the socket tells', '`lane.finalResponse()`', 'the socket'], ...cells];
}

/** As Markdown, its cells not aligned: prettier does that. */
export function toMarkdown([titles = [], ...rows]: Table): string {
  const lines = [titles, titles.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const nothing = '–';

function toGets(gets: readonly string[]): string {
  return gets.map(asCode).join(', then ');
}

function asCode(words: string): string {
  const [, name, status, code, rest] =
    /^(error|upgrade refused:|HTTP) (\d+)(?: ([^\s,]+))?(.*)$/.exec(words) ?? [];
  if (name !== undefined) {
    const shown = name === 'error' ? '`error`' : name.replace(':', '');
    return `${shown} ${status}${code === undefined ? '' : ` \`${code}\``}${rest}`;
  }
  const [, event, reason] = /^(response\.\w+) (.+)$/.exec(words) ?? [];
  if (event === undefined) return words;
  return `\`${event}\` ${reason?.includes(' ') ? reason : `\`${reason}\``}`;
}

function toDoes({ how, turns, posts, afterS }: Doing): string {
  switch (how) {
    case 'goes on':
      return 'goes on';
    case 'reconnects':
      return 'a new socket, no retry';
    case 'tries again':
      return afterS === undefined ? 'again' : `again, after ${afterS} s`;
    case 'goes to HTTP':
      return turns > 1 ? 'again; then HTTP' : 'HTTP, at once';
    case 'stops':
      return 'stops';
    case 'gives up':
      return posts === 1 ? 'again; then HTTP; stops' : 'again; then HTTP, again; stops';
  }
}

function toSees({ sees, answers, does }: FaultRow): string {
  const texts = sees.map(shorten);
  const isFirst = answers !== undefined && answers.length > 1 && answers.at(-1) === goodAnswer;
  if (isFirst && does.how === 'tries again') texts.push('the first message and the answer');
  return texts.join('; ') || nothing;
}

/** Codex's words, without the reason of a notice: the failure says it again. */
function shorten(text: string): string {
  const [, notice] =
    /^(Reconnecting\.\.\. \S+|Falling back from WebSockets to HTTPS transport)(?: |\.|$)/.exec(text) ?? [];
  if (notice !== undefined) return `“${notice} …”`;
  const [, message] = /^\{… (.*) …\}$/s.exec(text) ?? [];
  const sentence = cut((message ?? text).replace(/, url: URL$/, ''));
  return message === undefined ? `“${sentence}”` : `“${sentence}”, in JSON`;
}

/** Longest quotation; a table has five columns. */
const maxQuoted = 80;

/** Cut at a blank, with a sign that it was. */
function cut(sentence: string): string {
  if (sentence.length <= maxQuoted) return sentence;
  return `${sentence.slice(0, sentence.lastIndexOf(' ', maxQuoted)).replace(/[.,:;]$/, '')} …`;
}
