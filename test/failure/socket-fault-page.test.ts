/** docs/reliability.md says what the rows say that test/clients/codex-socket-faults.test.ts plays to the real Codex. */
import { expect, test } from '@jest/globals';
import { socketFaults } from '../clients/socket-faults.ts';
import { tableBelow } from './reliability-page.ts';

const names = { websocket: 'WebSocket', http: 'HTTP' } as const;

test('every fault of a provider’s WebSocket stands on the page with what Codex does, and nothing else does', () => {
  const rows = Object.values(socketFaults)
    .flat()
    .map(({ happened, does, cameBy }) => [
      happened.replaceAll('`', ''),
      does.how,
      cameBy.map((via) => names[via]).join(', '),
    ]);
  expect(tableBelow('### A provider’s WebSocket').slice(1)).toEqual(rows);
});

test('no row says that the user sees anything but the answer, as the page does', () => {
  for (const { happened, sees } of Object.values(socketFaults).flat()) {
    expect({ happened, sees }).toEqual({ happened, sees: [] });
  }
});
