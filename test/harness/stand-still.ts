/** Lets nothing in this process run for so long, as a machine does that is busy elsewhere: no timer, no read, nothing. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
