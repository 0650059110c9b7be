/** What the test files of this folder begin with: the programs that they need are fetched before their first test. */
import { beforeAll } from '@jest/globals';
import { aptTimeoutMs } from '../harness/debian-packages.ts';
import { ensureJaeger, jaegerBuildTimeoutMs } from './jaeger-build.ts';
import { ensurePrometheus } from './prometheus-program.ts';

/** Builds Jaeger where it is missing. Twice the time: another process may have begun and fail. */
export function useJaeger(): void {
  beforeAll(async () => void (await ensureJaeger()), 2 * jaegerBuildTimeoutMs);
}

/** Fetches Prometheus and promtool where they are missing. */
export function usePrometheus(): void {
  beforeAll(async () => void (await ensurePrometheus()), 2 * aptTimeoutMs);
}
