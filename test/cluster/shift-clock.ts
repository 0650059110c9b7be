/**
 * Loaded before everything else (`--import`) into a process whose wall clock is to jump: each SIGUSR2 takes the next of
 * the jumps in TURNBRIDGE_TEST_JUMPS, in milliseconds, and comes back to the first. The monotonic clock goes on as it is, as when
 * somebody sets the clock of a machine.
 */
const jumps = (process.env['TURNBRIDGE_TEST_JUMPS'] ?? '').split(',').map(Number);
const realDate = Date;
const realNow = Date.now.bind(Date);
let shiftMs = 0;
let taken = 0;

const now = (): number => realNow() + shiftMs;

globalThis.Date = new Proxy(realDate, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  apply: () => new realDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});

process.on('SIGUSR2', () => {
  shiftMs += jumps[taken % jumps.length] ?? 0;
  taken += 1;
});
