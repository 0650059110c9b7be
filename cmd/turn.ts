/** `turnbridge turn URL "text"`: opens a socket, runs one turn, shows what happens. */
import { parseArgs, styleText } from 'node:util';
import { type Endpoint, parseEndpoint } from '../src/probe/endpoint.ts';
import { httpTurn } from '../src/probe/http-turn.ts';
import { toDurationText, toPrintable } from '../src/probe/printable.ts';
import { errorCodeOf, type ProbeEvent, responseIdOf, statusOf } from '../src/probe/probe-event.ts';
import { ProbeFault, withTimeout } from '../src/probe/probe-fault.ts';
import { describeFault, remedyFor, remedyForError } from '../src/probe/remedy.ts';
import { openResponsesSocket, type ResponsesSocket } from '../src/probe/responses-socket.ts';
import { toReportText, TurnObserver, type TurnReport } from '../src/probe/turn-report.ts';
import { toCreateFrame, toHttpBody } from '../src/probe/turn-request.ts';
import { trustCaFile } from './ca-file.ts';

/** Known to Codex without a warning, and inside the pattern of most sample routes. */
export const DEFAULT_MODEL = 'gpt-5.5';
/** Minutes of reasoning are ordinary; longer is a stall more often than not. */
const DEFAULT_TIMEOUT_SECONDS = 300;
/** As Codex waits for one handshake. */
const CONNECT_TIMEOUT_MS = 15_000;

const HELP = `Runs one turn and shows what happens.

Usage: turnbridge turn URL "text" [options]

  URL            base URL of the bridge (http://127.0.0.1:8787/v1) or the full URL of …/responses;
                 http, https, ws or wss
  text           what to say to the model

Options:
  --model MODEL  which model to ask (default ${DEFAULT_MODEL})
  --key KEY      client key; better in the environment: TURNBRIDGE_KEY
  --ca-file PATH trust the authorities in this file (PEM) too; NODE_EXTRA_CA_CERTS does the same
  --http         POST and server-sent events instead of a WebSocket
  --json         one line of JSON per event, then a line of type turnbridge.summary
  --timeout S    seconds until the turn is given up (default ${DEFAULT_TIMEOUT_SECONDS})
  --help         this text

Exit code: 0 the turn completed, 1 it did not (the reason is on standard error), 2 wrong usage, 130 interrupted.
`;

interface TurnArguments {
  readonly endpoint: Endpoint;
  readonly text: string;
  readonly model: string;
  readonly key: string | undefined;
  readonly http: boolean;
  readonly json: boolean;
  readonly timeoutMs: number;
}

/** Shows a turn while it runs: on a terminal for a person, as text or as JSON for a pipe. */
interface Display {
  event(event: ProbeEvent, text: string | undefined): void;
  end(report: TurnReport): void;
}

/**
 * Runs the command.
 * @param argv arguments after `turn`
 * @returns the exit code
 */
export async function turn(argv: string[]): Promise<number> {
  let args: TurnArguments | 'help';
  try {
    args = readArguments(argv);
  } catch (error) {
    process.stderr.write(`turn: ${(error as Error).message}\nSee: turnbridge turn --help\n`);
    return 2;
  }
  if (args === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  process.stdout.on('error', stop); // a reader that went away, as in `| head -1`
  try {
    const { endpoint } = args;
    if (endpoint.note !== undefined)
      tell(`${endpoint.note}: using ${(args.http ? endpoint.httpUrl : endpoint.socketUrl).href}`);
    return await runTurn(args, interrupt.signal);
  } finally {
    process.off('SIGINT', stop);
    process.stdout.off('error', stop);
  }
}

async function runTurn(args: TurnArguments, interrupted: AbortSignal): Promise<number> {
  const display = args.json ? jsonDisplay() : textDisplay();
  const signal = withTimeout(interrupted, args.timeoutMs);
  const waiting = startWaiting();
  let socket: ResponsesSocket | undefined;
  let observer = new TurnObserver(args.http ? 'http' : 'websocket', performance.now());
  let last: ProbeEvent | undefined;
  let fault: ProbeFault | undefined;
  try {
    if (!args.http) {
      const opening = withTimeout(signal, CONNECT_TIMEOUT_MS);
      socket = await openResponsesSocket({ url: args.endpoint.socketUrl, key: args.key, signal: opening });
      observer = new TurnObserver('websocket', performance.now(), socket.openedInMs);
    }
    for await (const event of eventsOf(args, socket, signal)) {
      waiting.pause();
      display.event(event, observer.observe(event));
      last = event;
    }
  } catch (error) {
    if (!(error instanceof ProbeFault)) throw error;
    fault = error.code === 'timeout' && last !== undefined ? faultOfTime(args, observer.events) : error;
  } finally {
    waiting.stop();
    await socket?.close();
  }
  const report = observer.report(performance.now(), {
    outcome: fault?.code === 'interrupted' ? 'interrupted' : 'broken',
    reason: fault === undefined ? 'no event ended the turn' : describeFault(fault),
  });
  display.end(report);
  if (report.outcome === 'completed') return 0;
  if (report.outcome === 'interrupted') return 130;
  explain(report, fault, last, args);
  return 1;
}

/** Time ran out in the middle of a turn: that is no silence. */
function faultOfTime({ timeoutMs }: TurnArguments, events: number): ProbeFault {
  const had = events === 1 ? '1 event' : `${events} events`;
  return new ProbeFault(
    'timeout',
    `the turn took longer than ${timeoutMs / 1000} s (--timeout); ${had} had come`,
  );
}

function eventsOf(
  { http, endpoint, key, model, text }: TurnArguments,
  socket: ResponsesSocket | undefined,
  signal: AbortSignal,
): AsyncIterable<ProbeEvent> {
  if (socket === undefined || http) {
    return httpTurn({ url: endpoint.httpUrl, key, body: toHttpBody({ model, text }), signal });
  }
  return socket.turn(toCreateFrame({ model, text }), signal);
}

/** The reason on standard error, and what to do about it. */
function explain(
  report: TurnReport,
  fault: ProbeFault | undefined,
  last: ProbeEvent | undefined,
  { http, model }: TurnArguments,
): void {
  tell(`the turn did not complete (${report.outcome}): ${toPrintable(report.reason ?? '')}`);
  const isTooLong = fault?.code === 'timeout' && last !== undefined; // events came: nothing on the way holds them back
  const remedy =
    fault === undefined
      ? last && remedyForError(statusOf(last), errorCodeOf(last), model)
      : isTooLong
        ? undefined
        : remedyFor(fault, http ? 'request' : 'upgrade');
  if (remedy !== undefined) tell(remedy);
}

function readArguments(argv: string[]): TurnArguments | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      key: { type: 'string' },
      'ca-file': { type: 'string' },
      http: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      timeout: { type: 'string', default: String(DEFAULT_TIMEOUT_SECONDS) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  trustCaFile(values['ca-file']);
  const [url, text, ...rest] = positionals;
  if (url === undefined) throw new Error('a URL is missing: write turn http://127.0.0.1:8787/v1 "Say hello"');
  if (text === undefined) throw new Error(`a text is missing: write turn ${url} "Say hello"`);
  if (rest.length > 0) throw new Error('there are more words than one text: put the text in quotes');
  const seconds = Number(values.timeout);
  if (!(seconds > 0))
    throw new Error(`--timeout ${values.timeout} is no number of seconds: write --timeout 60`);
  return {
    endpoint: parseEndpoint(url),
    text,
    model: values.model,
    key: keyFrom(values.key),
    http: values.http,
    json: values.json,
    timeoutMs: seconds * 1000,
  };
}

/** @returns the client's key: as given, else from the environment */
export function keyFrom(given: string | undefined): string | undefined {
  return given ?? (process.env['TURNBRIDGE_KEY'] || undefined);
}

function jsonDisplay(): Display {
  const line = (value: unknown): void => {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  return {
    event: ({ json, type, bytes }) => line(json ?? { type: 'turnbridge.unreadable', saw: type, bytes }),
    end: (report) => line({ type: 'turnbridge.summary', ...report }),
  };
}

/** Text as it comes; on a terminal also the other events, dimmed, each on its own line. */
function textDisplay(): Display {
  const onTerminal = process.stdout.isTTY;
  let midLine = false;
  const newLine = (): void => {
    if (midLine) process.stdout.write('\n');
    midLine = false;
  };
  return {
    event: (event, text) => {
      if (text !== undefined) {
        process.stdout.write(onTerminal ? toPrintable(text) : text);
        midLine = !text.endsWith('\n');
      } else if (onTerminal) {
        newLine();
        const id = responseIdOf(event);
        const line = toPrintable(id === undefined ? event.type : `${event.type} ${id}`);
        process.stdout.write(`${styleText('dim', `· ${line}`)}\n`);
      }
    },
    end: (report) => {
      newLine();
      if (report.events > 0)
        process.stdout.write(`\n${styleText('dim', toReportText(report), { stream: process.stdout })}\n`);
    },
  };
}

/** On a terminal, says each second that it still waits; nothing when piped. */
function startWaiting(): { pause(): void; stop(): void } {
  if (!process.stderr.isTTY || !process.stdout.isTTY)
    return { pause: () => undefined, stop: () => undefined };
  let since = performance.now();
  let shown = false;
  const clear = (): void => {
    if (shown) process.stderr.write('\r\u001b[K');
    shown = false;
  };
  const timer = setInterval(() => {
    const waited = performance.now() - since;
    if (waited < 1000) return;
    clear();
    process.stderr.write(`waiting ${toDurationText(Math.floor(waited / 1000) * 1000)}`);
    shown = true;
  }, 1000);
  return {
    pause: () => {
      clear();
      since = performance.now();
    },
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}

function tell(text: string): void {
  process.stderr.write(`turn: ${text}\n`);
}
