/**
 * Jaeger publishes no package that a bare machine could install, but its Go module builds: go.mod and go.sum in
 * `jaeger/` pin it. Three to four minutes of two cores once per machine; afterwards the cache has it.
 */
import { join } from 'node:path';
import { ensureGoProgram } from '../harness/go-program.ts';

/** Compiling about 900 packages; measured 110 s on two idle cores, downloads included 3 minutes. */
export const jaegerBuildTimeoutMs = 15 * 60_000;

/**
 * The path of the all-in-one binary, built now unless the cache has it. Needs Go 1.26 and its module proxy. Safe to
 * call from several processes at once.
 * @throws Error with Go's output when there is no Go, or the build fails.
 */
export function ensureJaeger(): Promise<string> {
  return ensureGoProgram({
    name: 'all-in-one',
    cacheName: 'jaeger-1.62.0',
    moduleFolder: join(import.meta.dirname, 'jaeger'),
    target: 'github.com/jaegertracing/jaeger/cmd/all-in-one',
    linkFlags: '-s -w',
    timeoutMs: jaegerBuildTimeoutMs,
  });
}
