import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { INBOUND_IS_FULL } from '../../../src/client/inbound-refusals.ts';
import { CloseCode } from '../../../src/frames/close-codes.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/frames/errors.ts';
import { clientSays } from '../../clients/error-table/client-says.ts';
import { errorTableOf, tables } from '../../clients/error-table/error-page.ts';
import { errorTable } from '../../clients/error-table/error-table.ts';
import type { Doing } from '../../clients/error-table/fault-row.ts';
import { refusedRequest } from '../../clients/error-table/refused-request.ts';
import { sdkRows } from '../../clients/error-table/sdk-rows.ts';

const PAGE = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** Cells of the table rows whose first cell is code. */
function rows(first: RegExp): string[][] {
  return PAGE.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cellsOf)
    .filter(([cell]) => first.test(cell ?? ''));
}

test('docs/errors.md lists every error code of ours once, with its status and delay, and no other', () => {
  const documented = rows(/^`[a-z_]+`$/).map(([code, status]) => `${code} ${status}`);
  const inSource = [...ERROR_CODES].map(([code, { status, retryAfter }]) => {
    const delay = retryAfter === undefined ? '' : `, retry after ${retryAfter} s`;
    return `\`${code}\` ${status}${delay}`;
  });
  expect(documented.toSorted()).toEqual(inSource.toSorted());
});

test('every error code is said to be when, what to do, and what Codex does', () => {
  for (const cells of rows(/^`[a-z_]+`$/)) {
    expect(cells).toHaveLength(5);
    expect(cells.every((cell) => cell !== '')).toBe(true);
  }
});

test('docs/errors.md lists every close code that the bridge sends, and no other', () => {
  const documented = rows(/^`\d+`$/).map(([code]) => code);
  expect(documented).toEqual(Object.values(CloseCode).map((code) => `\`${code}\``));
});

test('a code that a client should wait for has a delay, and only such a one', () => {
  for (const [, { status, retryAfter }] of ERROR_CODES) {
    expect(retryAfter !== undefined).toBe(status === 429 || status === 503);
  }
});

describe('the error table', () => {
  test('in docs/errors.md is the one that is tested: npx node test/clients/error-table/write-error-table.ts', () => {
    const documented = errorTableOf(PAGE)
      .split('\n### ')
      .slice(1)
      .map((section) => {
        const [title, ...lines] = section.split('\n');
        const [titles, , ...rest] = lines.filter((line) => line.startsWith('|')).map(cellsOf);
        return { title, table: [titles, ...rest] };
      });
    expect(documented).toEqual(tables);
  });

  test('has every text by which the page is entered: mend the index of docs/errors.md', () => {
    const shown = errorTable.flatMap(({ rows: some }) => some.flatMap(({ sees }) => sees));
    shown.push(`rate limit exceeded: ${INBOUND_IS_FULL.error.message}`); // no row: it takes several clients
    const index = PAGE.slice(PAGE.indexOf('| Codex shows'), PAGE.indexOf('## From the fault'));
    const texts = Array.from(index.matchAll(/^\| “(.+?)(?: ?…)?”/gm), ([, text = '']) => text);
    expect(texts).toHaveLength(10);
    expect(texts.filter((text) => !shown.some((sentence) => sentence.includes(text)))).toEqual([]);
  });

  test('names each row once within its section', () => {
    for (const { rows } of [...errorTable, { rows: clientSays }, { rows: sdkRows }]) {
      const names = rows.map(({ happened }) => happened);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  /** What neither Codex nor a test's client meets in it, and where it is tested instead. */
  const elsewhere: ReadonlySet<ErrorCode> = new Set([
    'method_not_allowed', // test/protocol/admission-paths.test.ts: Codex sends no such method
    'unsupported_encoding', // test/protocol/http-bodies.test.ts: nor such a body
    'provider_has_no_websocket', // test/clients/codex-socket-faults.test.ts: the table's provider is asked over HTTP
    'internal_error', // test/unit/turn, test/failure: nothing that can be arranged from outside causes it
  ]);

  test('shows every code of ours, but for those that no client can be made to meet', () => {
    const words = [...errorTable.flatMap(({ rows }) => rows), ...clientSays].flatMap(({ gets }) => gets);
    const shown = new Set(words.flatMap((text) => text.split(/[ ,]+/)));
    for (const [code] of ERROR_CODES) {
      expect({ code, isShown: shown.has(code) }).toEqual({ code, isShown: !elsewhere.has(code) });
    }
  });

  test('agrees with what the tables of codes say of Codex', () => {
    const begins: Readonly<Record<Doing['how'], string>> = {
      'goes on': 'goes on',
      reconnects: 'goes on',
      'tries again': 'again',
      'goes to HTTP': 'HTTP',
      stops: 'stops',
      'gives up': 'again', // in vain
    };
    const said = new Map(rows(/^`[a-z_]+`$/).map((cells) => [cells[0]?.slice(1, -1), cells[4]]));
    // a provider's own 401 or 404 is told with codes of the same names
    for (const row of errorTable.flatMap((section) =>
      section.rows === refusedRequest ? [] : section.rows,
    )) {
      const [, code = ''] = /^(?:error|upgrade refused:) \d+ ([a-z_]+)/.exec(row.gets[0] ?? '') ?? [];
      const word = said.get(code);
      if (word === undefined) continue;
      expect({ row: row.happened, code, does: word.split(',')[0] }).toEqual({
        row: row.happened,
        code,
        does: begins[row.does.how],
      });
    }
  });
});
