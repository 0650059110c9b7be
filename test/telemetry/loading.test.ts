/** What traces cost those who have none: nothing of its SDK is loaded. */
import { expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { mustRun } from '../harness/run-command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The modules of OpenTelemetry's SDK that a process loads for this code. Its API comes with the library of metrics. */
async function loadedBy(code: string): Promise<readonly string[]> {
  const program = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        if (/@opentelemetry.(?!api.)/.test(found.url)) seen.push(specifier);
        return found;
      },
    });
    ${code}
    process.stdout.write(JSON.stringify(seen));`;
  const stdout = await mustRun(process.execPath, ['--input-type=module', '--eval', program], { cwd: ROOT });
  return JSON.parse(stdout) as string[];
}

/** As the bridge opens its observers. */
const open = (tracing: string): string => `
  await import('./cmd/bridge.ts');
  const { openTracingIfWanted } = await import('./src/telemetry/observers.ts');
  const telemetry = { tracing: ${tracing}, semconv: 'latest' };
  const opened = await openTracingIfWanted({ telemetry, version: 'test', log: undefined });
  await opened?.close();`;

test('without a receiver nothing of the SDK is loaded', async () => {
  expect(await loadedBy(open('undefined'))).toEqual([]);
});

test('with one it is', async () => {
  expect(await loadedBy(open(`{ url: 'http://127.0.0.1:9/v1/traces', ratio: 1 }`))).toContain(
    '@opentelemetry/sdk-node',
  );
});
