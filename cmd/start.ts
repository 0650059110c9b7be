/**
 * `npm start`: the whole thing on one machine. The scripted provider, a bridge in front of it with the sample
 * route, and three lines that say what to try.
 */
import { fileURLToPath } from 'node:url';
import { openScriptedProvider, type ScriptedProvider } from '../src/scripted/scripted-provider.ts';
import { openLog } from '../src/telemetry/log.ts';
import { bridgeHelp, FlagError, parseBridgeFlags, parseListen } from './bridge-flags.ts';
import { runUntilDrained, startBridge } from './bridge.ts';
import { isListenError, isUsageError, listenAdvice } from './exits.ts';
import { VERSION } from './version.ts';

const SAMPLE = fileURLToPath(new URL('../manifests/samples/scripted.yaml', import.meta.url));
/** The address that the sample route names. */
const PROVIDER = '127.0.0.1:8788';

async function main(argv: string[]): Promise<number> {
  const flags = parseBridgeFlags(
    ['--routes', SAMPLE, '--drain-delay', '0', '--drain-spread', '0', ...argv],
    process.env,
  );
  if (flags === undefined) {
    console.log(bridgeHelp());
    return 0;
  }
  await using provider: ScriptedProvider = await openScriptedProvider({
    ...parseListen('listen', PROVIDER),
    script: 'hello',
  });
  const log = openLog({
    fd: 1,
    format: process.stdout.isTTY ? 'text' : 'json',
    level: flags.logLevel,
    service: 'turnbridge',
    version: VERSION,
  });
  const bridge = await startBridge(flags, log);
  if (bridge === undefined) return 2;
  const base = `http://${bridge.address}/v1`;
  console.log(
    `Bridge on ${base}, metrics on http://${bridge.opsAddress}/metrics, scripted provider on ${provider.url}. Ctrl-C stops it.`,
  );
  console.log(`A turn, in a second terminal:   npm run -s turnbridge -- turn ${base} "Say hello"`);
  console.log(`The Codex CLI:   ${codexLine(base)}`);
  await runUntilDrained(bridge, flags.drain, log);
  return 0;
}

function codexLine(base: string): string {
  const provider = `{name="Turnbridge", base_url="${base}", wire_api="responses", supports_websockets=true}`;
  return `codex -c model_provider=turnbridge -c 'model_providers.turnbridge=${provider}' "Say hello"`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (isListenError(error))
    console.error(
      `npm start: ${listenAdvice(error, '--listen and --ops-listen')}; the scripted provider needs ${PROVIDER}`,
    );
  else if (error instanceof FlagError || isUsageError(error)) console.error(`npm start: ${error.message}`);
  else throw error;
  process.exitCode = 2;
}
