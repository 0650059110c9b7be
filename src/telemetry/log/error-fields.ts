import { types } from 'node:util';
import type { LogFields } from './log-line.ts';

/** Enough to find the place; deeper frames are the event loop's. */
const MAX_STACK_FRAMES = 12;

/**
 * Fields for an exception of our own, to be logged at `error`. Its name, its code and where it came from; never its
 * message, which may quote what it was working on. Not for what a provider or a client sent: that has its code.
 */
export function errorFields(error: unknown): LogFields {
  if (!types.isNativeError(error)) return { err_name: typeof error };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    err_name: error.name,
    err_code: typeof code === 'string' ? code : undefined,
    err_stack: stackFrames(error.stack),
  };
}

/** The stack without its head: that repeats the message, over as many lines as the message has. */
function stackFrames(stack: string | undefined): string | undefined {
  const frames = stack?.split('\n').filter((line) => /^ {4}at /.test(line));
  return frames?.slice(0, MAX_STACK_FRAMES).join('\n');
}
