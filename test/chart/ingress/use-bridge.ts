/** The bridge that most tests of a file share: each start is half a second of CPU. */
import { afterAll, beforeAll } from '@jest/globals';
import { openPinglessBridge, type PinglessBridge } from './pingless-bridge.ts';

/** For a machine that does much else. */
const startMs = 120_000;

/** Call it once, outside of tests; what is returned gives the bridge within them. A test that drains opens its own. */
export function useBridge(host?: string): () => PinglessBridge {
  let opened: PinglessBridge | undefined;
  beforeAll(async () => {
    opened = await openPinglessBridge(host);
  }, startMs);
  afterAll(() => opened?.close());
  return () => {
    if (opened === undefined) throw new Error('the bridge is there within tests only');
    return opened;
  };
}
