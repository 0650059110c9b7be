/** `turnbridge provider`: the scripted provider by itself. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ScriptMistakes, parseScript } from '../src/scripted/parse-script.ts';
import type { RecordedRequest } from '../src/scripted/recorded-request.ts';
import { inputItems, modelOf } from '../src/scripted/request-view.ts';
import type { Script } from '../src/scripted/script.ts';
import { openScriptedProvider } from '../src/scripted/scripted-provider.ts';
import type { ScriptedProvider } from '../src/scripted/scripted-provider.ts';
import { builtInScripts, unknownScript } from '../src/scripted/scripts.ts';
import type { Handshake } from '../src/scripted/upgrade-door.ts';
import { isUsageError, UsageError } from './exits.ts';
import { parseListen } from './listen-address.ts';
import { listenForSignals, type LeaveSignals } from './leave-signals.ts';

const defaultListen = '127.0.0.1:8788';

const help = `Usage: turnbridge provider [--listen HOST:PORT] [--script NAME|FILE] [--websocket on|off]

A provider without a model, for demonstrations and for trying faults: it answers
POST /v1/responses, and response.create on a WebSocket there, by a script, the same
way every time.

Options:
  --listen HOST:PORT   where to listen (default ${defaultListen}; port 0 takes a free one)
  --script NAME|FILE   a built-in script (default hello), or a script file in YAML or JSON
  --websocket on|off   whether it has WebSockets (default: as the script says, else on)
  --list               the built-in scripts, a line each
  --help               this text

A request can choose for itself: the model "scripted/NAME", or a prompt that begins
with "script:NAME", plays the built-in script NAME.

Exit codes: 0 after SIGINT or SIGTERM, 2 for wrong usage, a broken script or a port in use.`;

interface Options {
  readonly host: string;
  readonly port: number;
  readonly script: string;
  /** Undefined: as the script says. */
  readonly webSocket: 'on' | 'off' | undefined;
}

/** Runs until SIGINT or SIGTERM. Resolves with the exit code: 0, or 2 for usage, a broken script, an address in use. */
export async function provider(argv: string[], signals: LeaveSignals = listenForSignals()): Promise<number> {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        listen: { type: 'string', default: defaultListen },
        script: { type: 'string', default: 'hello' },
        websocket: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help || values.list) {
      console.log(values.help ? help : listOfScripts());
      return 0;
    }
    const address = parseListen('--listen', values.listen, defaultListen);
    const webSocket = parseWebSocket(values.websocket);
    await serve({ ...address, script: values.script, webSocket }, signals);
    return 0;
  } catch (error) {
    if (!isExpected(error)) throw error;
    console.error(`turnbridge provider: ${explained(error)}`);
    return 2;
  }
}

function parseWebSocket(text: string | undefined): 'on' | 'off' | undefined {
  if (text === undefined || text === 'on' || text === 'off') return text;
  throw new UsageError(`--websocket ${text}: write on or off; lanes and the rest are set in a script file`);
}

async function serve(options: Options, { first }: LeaveSignals): Promise<void> {
  const script = await readScript(options.script);
  await using running = await listen(options, script);
  const name = typeof script === 'string' ? script : script.name;
  console.log(`Scripted provider on ${running.url}, script ${name}`);
  await first;
}

async function listen(options: Options, script: string | Script): Promise<ScriptedProvider> {
  const { host, port } = options;
  const { webSocket: scripted = 'on' } =
    typeof script === 'string' ? (builtInScripts.get(script) ?? {}) : script;
  try {
    return await openScriptedProvider({
      host,
      port,
      script,
      webSocket: options.webSocket ?? scripted,
      onRequest: logRequest,
      onUpgrade: logUpgrade,
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const where = `${host}:${String(port)}`;
    if (code === 'EADDRINUSE') {
      throw new UsageError(
        `${where} is in use by another process: stop that, or write --listen ${host}:0 for a free port`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new UsageError(
        `cannot listen on ${where} (${code}): write --listen 127.0.0.1:PORT with a port above 1023`,
      );
    }
    throw error;
  }
}

/** One line when an upgrade to a WebSocket was answered. */
function logUpgrade({ number, path, status }: Handshake): void {
  console.log(`upgrade ${String(number)} ${path} ${String(status)}`);
}

/** One line when a request comes, one when its answer has ended. */
function logRequest(request: RecordedRequest): void {
  const label = `#${String(request.number)}`;
  const model = modelOf(request.body);
  const items = inputItems(request.body).length;
  const about =
    model === ''
      ? ''
      : ` ${model}, ${String(items)} input items, ${String(request.rawBody.byteLength)} bytes`;
  console.log(`${label} ${request.method} ${request.path}${about}`);
  void request.closed.then(({ how, at, reason }) => {
    const took = `${String(Math.round(at - request.startedAt))} ms`;
    console.log(`${label} ${how} after ${took}${reason === undefined ? '' : `: ${reason}`}`);
  });
}

/** A built-in script's name as it is, or the script in a file. */
async function readScript(nameOrFile: string): Promise<string | Script> {
  if (builtInScripts.has(nameOrFile)) return nameOrFile;
  let text: string;
  try {
    text = await readFile(nameOrFile, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(
      `${unknownScript(nameOrFile)}, or a file that can be read (${nameOrFile}: ${reason})`,
    );
  }
  return parseScript(text, nameOrFile);
}

function listOfScripts(): string {
  const width = Math.max(...[...builtInScripts.keys()].map((name) => name.length));
  return [...builtInScripts.values()]
    .map(({ name, summary }) => `${name.padEnd(width)}  ${summary ?? ''}`)
    .join('\n');
}

function explained(error: Error): string {
  if (error instanceof ScriptMistakes) return `the script cannot be played:\n${error.message}`;
  return error instanceof UsageError ? error.message : `${error.message}; --help shows what there is`;
}

/** Errors that are the user's to mend; everything else is ours and keeps its stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof UsageError || error instanceof ScriptMistakes) return true;
  return isUsageError(error);
}
