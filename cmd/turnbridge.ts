#!/usr/bin/env node
/** turnbridge COMMAND: finds the command; each lives in a file of its own and is loaded only when it is called. */
import { listenForSignals, type LeaveSignals } from './leave-signals.ts';
import { VERSION } from './version.ts';

/** Does something and ends; a signal ends it at once. */
type Command = (argv: string[]) => Promise<number>;
/** Runs until a signal, also one that comes while it starts. */
type Server = (argv: string[], signals: LeaveSignals) => Promise<number>;

type Entry = { readonly summary: string } & (
  { readonly load: () => Promise<Command> } | { readonly loadServer: () => Promise<Server> }
);

const COMMANDS: Readonly<Record<string, Entry>> = {
  bridge: {
    summary: 'serve clients: the bridge itself',
    loadServer: async () => (await import('./bridge.ts')).bridge,
  },
  operator: {
    summary: 'watch ResponsesRoutes in a cluster and feed bridges',
    loadServer: async () => (await import('./operator.ts')).operator,
  },
  check: {
    summary: 'find every mistake in a route file',
    load: async () => (await import('./check.ts')).check,
  },
  turn: {
    summary: 'run one turn against a bridge or provider and show it',
    load: async () => (await import('./turn.ts')).turn,
  },
  doctor: {
    summary: 'try a deployment as a client would',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  provider: {
    summary: 'run the scripted provider, for demos and faults',
    loadServer: async () => (await import('./provider.ts')).provider,
  },
};

const help = `Usage: turnbridge COMMAND [ARGUMENTS]

A bridge for the Responses WebSocket transport: clients hold one long-lived socket,
any provider answers each turn.

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

"turnbridge COMMAND --help" explains each. Exit codes: 0 done, 1 the command found something wrong,
2 wrong usage or a broken configuration.`;

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    console.log(VERSION);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(help);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(
      `turnbridge: there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')} (turnbridge --help)`,
    );
    return 2;
  }
  if ('load' in command) return (await command.load())(rest);
  // before anything else is loaded: as a container's first process it would never hear of a signal that came too soon,
  // and stay until it is killed
  const signals = listenForSignals();
  return (await command.loadServer())(rest, signals);
}

process.exitCode = await main(process.argv.slice(2));
