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
import { isUsageError, UsageError } from './exits.ts';
import { parseListen } from './listen-address.ts';
import { nextSignal } from './next-signal.ts';

const defaultListen = '127.0.0.1:8788';

const help = `Usage: turnbridge provider [--listen HOST:PORT] [--script NAME|FILE]

A provider without a model, for demonstrations and for trying faults: it answers
POST /v1/responses by a script, the same way every time.

Options:
  --listen HOST:PORT   where to listen (default ${defaultListen}; port 0 takes a free one)
  --script NAME|FILE   a built-in script (default hello), or a script file in YAML or JSON
  --list               the built-in scripts, a line each
  --help               this text

A request can choose for itself: the model "scripted/NAME", or a prompt that begins
with "script:NAME", plays the built-in script NAME.

Exit codes: 0 after SIGINT or SIGTERM, 2 for wrong usage, a broken script or a port in use.`;

interface Options {
  readonly host: string;
  readonly port: number;
  readonly script: string;
}

/** Runs until SIGINT or SIGTERM. Resolves with the exit code: 0, or 2 for usage, a broken script, an address in use. */
export async function provider(argv: string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        listen: { type: 'string', default: defaultListen },
        script: { type: 'string', default: 'hello' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help || values.list) {
      console.log(values.help ? help : listOfScripts());
      return 0;
    }
    await serve({ ...parseListen('--listen', values.listen, defaultListen), script: values.script });
    return 0;
  } catch (error) {
    if (!isExpected(error)) throw error;
    console.error(`turnbridge provider: ${explained(error)}`);
    return 2;
  }
}

async function serve(options: Options): Promise<void> {
  const script = await readScript(options.script);
  await using running = await listen(options, script);
  const name = typeof script === 'string' ? script : script.name;
  console.log(`Scripted provider on ${running.url}, script ${name}`);
  await nextSignal();
}

async function listen(options: Options, script: string | Script): Promise<ScriptedProvider> {
  const { host, port } = options;
  try {
    return await openScriptedProvider({ host, port, script, onRequest: logRequest });
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
