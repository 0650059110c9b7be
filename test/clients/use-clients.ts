/** What every test file of this folder begins with. */
import { beforeAll, jest } from '@jest/globals';
import { ensureClients, ensureClientsTimeoutMs } from './ensure-clients.ts';

/** A test starts processes, some of them several; on a busy machine that takes its time. */
const testTimeoutMs = 60_000;

/** Installs the clients before the first test of the file, and gives its tests time. */
export function useClients(): void {
  jest.setTimeout(testTimeoutMs);
  beforeAll(ensureClients, ensureClientsTimeoutMs);
}
