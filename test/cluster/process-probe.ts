/**
 * Runs inside of a process that is measured (`node --import`; process-reading.ts asks it): how long its main thread
 * held the event loop, and what is left in memory once garbage is gone. Time is counted in CPU seconds of that thread:
 * on a machine that does much else, the clock on the wall tells how long others ran.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { ProcessReading } from './process-reading.ts';

/** Between two looks. What the thread did in so long at most counts as held too. */
const TICK_MS = 5;

let held = { cpuMs: 0, wallMs: 0, over50: 0 };
let before = look();

function look(): { readonly cpuMs: number; readonly wallMs: number } {
  const { user, system } = process.threadCpuUsage();
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() };
}

function tick(): void {
  const now = look();
  const cpuMs = now.cpuMs - before.cpuMs;
  const wallMs = now.wallMs - before.wallMs - TICK_MS;
  held = {
    cpuMs: Math.max(held.cpuMs, cpuMs),
    wallMs: Math.max(held.wallMs, wallMs),
    over50: held.over50 + Number(cpuMs > 50),
  };
  before = now;
}

/** What was held since the last reading is told once; collecting garbage for the reading is not counted. */
function read(): ProcessReading {
  tick();
  const { cpuMs, wallMs, over50 } = held;
  globalThis.gc?.();
  globalThis.gc?.();
  held = { cpuMs: 0, wallMs: 0, over50: 0 };
  before = look();
  const { heapUsed, external, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    heldCpuMs: cpuMs,
    heldWallMs: wallMs,
    heldOver50: over50,
    heapBytes: heapUsed + external,
    rssBytes: rss,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    cpuSeconds: (user + system) / 1e6,
  };
}

if (isMainThread) {
  setInterval(tick, TICK_MS).unref();
  const server = createServer((_, response) => {
    response.setHeader('connection', 'close').end(JSON.stringify(read()));
  });
  server.unref().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(
      `${JSON.stringify({ event: 'test.probe', level: 'info', url: `http://127.0.0.1:${String(port)}` })}\n`,
    );
  });
}
