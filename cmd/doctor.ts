/** `turnbridge doctor URL`: tries a deployment as a client would and says what to change. */
import { parseArgs, styleText } from 'node:util';
import { parseEndpoint } from '../src/probe/endpoint.ts';
import type { DoctorTarget, StepResult, StepStatus } from '../src/probe/doctor-step.ts';
import { toPrintable } from '../src/probe/printable.ts';
import { ProbeFault } from '../src/probe/probe-fault.ts';
import { runDoctor } from '../src/probe/run-doctor.ts';
import { trustCaFile } from './ca-file.ts';
import { DEFAULT_MODEL, keyFrom } from './turn.ts';

/** Nothing that a bridge answers itself takes longer, unless something is wrong. */
const STEP_TIMEOUT_MS = 10_000;
/** A short answer of a model, cold start included. */
const TURN_TIMEOUT_MS = 120_000;
/** Longer than a day is a typing error. */
const MAX_IDLE_SECONDS = 86_400;

const HELP = `Tries a deployment as a client would: the way to it, upgrade, warm-up, a turn, a bad frame, a ping, an
unknown conversation, HTTP fallback, the models list, and silence. Says for each step what it saw, and what to
change when it is wrong. It runs two short turns of the model.

Usage: turnbridge doctor URL [options]

  URL            base URL of the bridge (https://codex.example.com/v1) or the full URL of …/responses

Options:
  --model MODEL  which model to ask (default ${DEFAULT_MODEL})
  --key KEY      client key; better in the environment: TURNBRIDGE_KEY
  --ca-file PATH trust the authorities in this file (PEM) too; NODE_EXTRA_CA_CERTS does the same
  --idle S       also keep the socket silent for S seconds and see whether it lives; 75 finds the usual
                 time-out of 60 seconds on ingresses and load balancers
  --json         one line of JSON per step, then a line of type turnbridge.summary
  --help         this text

Exit code: 0 nothing failed (warnings may be there), 1 a step failed, 2 wrong usage, 130 interrupted.
`;

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const;

/** Shows steps while they run. */
interface Display {
  begun(step: string): void;
  done(step: string, result: StepResult): void;
  end(counts: Readonly<Record<StepStatus, number>>): void;
  /** Clears what is half shown. */
  stop(): void;
}

/**
 * Runs the command.
 * @param argv arguments after `doctor`
 * @returns the exit code
 */
export async function doctor(argv: string[]): Promise<number> {
  const interrupt = new AbortController();
  let args: { readonly target: DoctorTarget; readonly json: boolean } | 'help';
  try {
    args = readArguments(argv, interrupt.signal);
  } catch (error) {
    process.stderr.write(`doctor: ${(error as Error).message}\nSee: turnbridge doctor --help\n`);
    return 2;
  }
  if (args === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  process.stdout.on('error', stop);
  const display = args.json ? jsonDisplay() : textDisplay();
  try {
    const { note, baseUrl } = args.target.endpoint;
    if (note !== undefined) process.stderr.write(`doctor: ${note}: using base URL ${baseUrl.href}\n`);
    return await examine(args.target, display);
  } catch (error) {
    if (error instanceof ProbeFault && error.code === 'interrupted') return 130;
    throw error;
  } finally {
    display.stop();
    process.off('SIGINT', stop);
    process.stdout.off('error', stop);
  }
}

async function examine(target: DoctorTarget, display: Display): Promise<number> {
  const counts: Record<StepStatus, number> = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for await (const news of runDoctor(target)) {
    if (news.kind === 'begun') {
      display.begun(news.step);
    } else {
      counts[news.result.status] += 1;
      display.done(news.step, news.result);
    }
  }
  display.end(counts);
  return counts.fail === 0 ? 0 : 1;
}

function readArguments(
  argv: string[],
  signal: AbortSignal,
): { readonly target: DoctorTarget; readonly json: boolean } | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      key: { type: 'string' },
      'ca-file': { type: 'string' },
      idle: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  trustCaFile(values['ca-file']);
  const [url, ...rest] = positionals;
  if (url === undefined) throw new Error('a URL is missing: write doctor http://127.0.0.1:8787/v1');
  if (rest.length > 0) throw new Error('one URL at a time: leave out the rest');
  const idleSeconds = values.idle === undefined ? undefined : Number(values.idle);
  if (idleSeconds !== undefined && !(idleSeconds > 0 && idleSeconds <= MAX_IDLE_SECONDS)) {
    throw new Error(`--idle ${values.idle} is no number of seconds up to a day: write --idle 75`);
  }
  const target: DoctorTarget = {
    endpoint: parseEndpoint(url),
    key: keyFrom(values.key),
    model: values.model,
    idleSeconds,
    stepTimeoutMs: STEP_TIMEOUT_MS,
    turnTimeoutMs: TURN_TIMEOUT_MS,
    signal,
  };
  return { target, json: values.json };
}

function jsonDisplay(): Display {
  const line = (value: unknown): void => {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  return {
    begun: () => undefined,
    done: (step, result) => line({ type: 'turnbridge.step', step, ...result }),
    end: (counts) => line({ type: 'turnbridge.summary', ...counts }),
    stop: () => undefined,
  };
}

function textDisplay(): Display {
  const progress = startProgress();
  const color = (status: StepStatus, text: string): string =>
    styleText(COLORS[status], text, { stream: process.stdout });
  return {
    begun: (step) => progress.begin(step),
    done: (step, { status, saw, change }) => {
      progress.end();
      process.stdout.write(`${color(status, status.padEnd(4))}  ${step.padEnd(13)}  ${toPrintable(saw)}\n`);
      if (change !== undefined) process.stdout.write(`${' '.repeat(21)}→ ${toPrintable(change)}\n`);
    },
    end: ({ ok, warn, fail, skip }) => {
      const skipped = skip === 0 ? '' : `, ${skip} skipped`;
      process.stdout.write(`\n${ok} ok, ${warn} to look at, ${fail} failed${skipped}\n`);
    },
    stop: () => progress.end(),
  };
}

/** On a terminal, names the step that runs and counts its seconds; nothing when piped. */
function startProgress(): { begin(step: string): void; end(): void } {
  if (!process.stderr.isTTY || !process.stdout.isTTY) return { begin: () => undefined, end: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    process.stderr.write('\r\u001b[K');
  };
  return {
    begin: (step) => {
      let seconds = 0;
      process.stderr.write(`…     ${step}`);
      timer = setInterval(() => {
        seconds += 1;
        process.stderr.write(`\r\u001b[K…     ${step}: ${seconds} s`);
      }, 1000);
    },
    end,
  };
}
