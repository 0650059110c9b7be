#!/usr/bin/env node
/** turnbridge COMMAND: finds the command; each lives in a file of its own and is loaded only when it is called. */
import { VERSION } from './version.ts';

type Command = (argv: string[]) => Promise<number>;

const COMMANDS: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>
> = {
  bridge: {
    summary: 'serve clients: the bridge itself',
    load: async () => (await import('./bridge.ts')).bridge,
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
    load: async () => (await import('./provider.ts')).provider,
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
  return (await command.load())(rest);
}

process.exitCode = await main(process.argv.slice(2));
