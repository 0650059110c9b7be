/** SIGINT and SIGTERM as promises: the first asks to leave, the second to leave at once. */
export interface LeaveSignals {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
}

/**
 * Listens from now on, for good: a signal between two listeners would end the process by itself, without its exit code
 * and its last log line. One that comes before anybody waits is kept.
 */
export function listenForSignals(): LeaveSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const waiting = [first, second];
  const heard = (): void => waiting.shift()?.resolve();
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
  return { first: first.promise, second: second.promise };
}
