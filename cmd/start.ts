/**
 * `npm start`: the whole thing on one machine. The scripted provider, a bridge in front of it with the sample
 * route, and three lines that say what to try.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScriptedProvider, type ScriptedProvider } from '../src/scripted/scripted-provider.ts';
import { bridgeHelp } from './bridge-flag-table.ts';
import { parseBridgeFlags } from './bridge-flags.ts';
import { runUntilDrained, startBridge } from './bridge.ts';
import { isListenError, isUsageError, listenAdvice, UsageError } from './exits.ts';
import { listenForSignals } from './leave-signals.ts';
import { openProcessLog } from './process-log.ts';

const SAMPLE = fileURLToPath(new URL('../manifests/samples/scripted.yaml', import.meta.url));
/** Where the sample route expects the scripted provider. */
const PROVIDER = { host: '127.0.0.1', port: 8788, webSocket: 'on' } as const;

const HELP = {
  usage: 'npm start -- [options]',
  what: `Runs the built-in scripted provider and a bridge in front of it, and says what to try.
Ctrl-C drains it (here --drain-delay, --drain-spread and --drain-linger are 0); a second one stops it at once.`,
  without: ['routes', 'snapshot-secret', 'snapshot-dir', 'kube-api', 'kube-credentials'],
} as const;

async function main(argv: string[]): Promise<number> {
  // parsed before anything is opened: the routes' path follows
  const given = parseBridgeFlags(
    ['--routes', SAMPLE, '--drain-delay', '0', '--drain-spread', '0', '--drain-linger', '0', ...argv],
    process.env,
  );
  if (given === undefined) {
    console.log(bridgeHelp(HELP));
    return 0;
  }
  if (given.routes.kind !== 'files' || given.routes.path !== SAMPLE) {
    const path = given.routes.kind === 'files' ? given.routes.path : 'PATH';
    throw new UsageError(
      `it serves its own sample; for your routes write npm run -s turnbridge -- bridge --routes ${path}`,
    );
  }
  const signals = listenForSignals();
  await using provider = await openProvider();
  await using sample = await sampleFor(provider);
  const flags = { ...given, routes: { ...given.routes, path: sample.path } };
  const log = openProcessLog('turnbridge', flags);
  const bridge = await startBridge(flags, log);
  if (bridge === undefined) return 2;
  const base = `${flags.tlsFolder === undefined ? 'http' : 'https'}://${bridge.address}/v1`;
  console.log(
    `Bridge on ${base}, metrics on http://${bridge.opsAddress}/metrics, scripted provider on ${provider.url}.`,
  );
  if (flags.telemetry.opsPage !== 'off')
    console.log(`What it does, in a browser:  http://${bridge.opsAddress}/`);
  console.log(`A turn, from a second terminal:  npm run -s turnbridge -- turn ${base} "Say hello"`);
  console.log(`The Codex CLI:  codex ${codexFlags(base)} "Run echo hi and report."`);
  await runUntilDrained(bridge, flags.drain, log, signals);
  return 0;
}

/** On the sample's port; on a free one when that is taken. */
async function openProvider(): Promise<ScriptedProvider> {
  try {
    return await openScriptedProvider({ ...PROVIDER, script: 'hello' });
  } catch (error) {
    if (!isListenError(error)) throw error;
    return openScriptedProvider({ ...PROVIDER, port: 0, script: 'hello' });
  }
}

/** The sample as it is; or a copy of it that names the port which the provider got. */
async function sampleFor(provider: ScriptedProvider): Promise<AsyncDisposable & { readonly path: string }> {
  if (provider.port === PROVIDER.port) return { path: SAMPLE, [Symbol.asyncDispose]: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-start-'));
  const path = join(folder, 'scripted.yaml');
  const text = await readFile(SAMPLE, 'utf8');
  await writeFile(path, text.replaceAll(`:${PROVIDER.port}/`, `:${provider.port}/`));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function codexFlags(base: string): string {
  const provider = `{name="Turnbridge", base_url="${base}", wire_api="responses", supports_websockets=true}`;
  return `-c model=gpt-5.5 -c model_provider=turnbridge -c 'model_providers.turnbridge=${provider}'`;
}

try {
  process.exit(await main(process.argv.slice(2))); // as `bridge` does: a receiver of traces that stalls holds nobody
} catch (error) {
  if (isListenError(error)) console.error(`npm start: ${listenAdvice(error, '--listen and --ops-listen')}`);
  else if (error instanceof UsageError || isUsageError(error)) console.error(`npm start: ${error.message}`);
  else throw error;
  process.exitCode = 2;
}
