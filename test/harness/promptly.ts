/** "At once", as a machine can be held to it that now and then stands still: in most of five times. */

const rounds = 5;
/** What acts at once needs a few milliseconds; what waits for a timer or a heartbeat of ours needs far more. */
const atOnceMs = 100;

/**
 * Does something five times, one after the other, and rejects unless most of them took less than the limit.
 * @param round Makes ready what it needs, acts, waits for the effect, and resolves with the milliseconds in between.
 */
export async function promptly(round: () => Promise<number>, limitMs: number = atOnceMs): Promise<void> {
  const tookMs: number[] = [];
  for (let n = 0; n < rounds; n++) tookMs.push(await round());
  const late = tookMs.filter((ms) => ms >= limitMs);
  if (late.length > rounds / 2) {
    const all = tookMs.map((ms) => ms.toFixed(1)).join(', ');
    throw new Error(
      `expected less than ${String(limitMs)} ms in most of ${String(rounds)} times; it took ${all}`,
    );
  }
}
