/**
 * Called between two pieces of long work. A promise: others are to have their turn, wait for it; undefined: go on. Whoever
 * starts the work knows what else waits for the event loop.
 */
export type Pause = () => Promise<void> | undefined;
