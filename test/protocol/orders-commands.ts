/** Everything that may happen to a bridge with a few clients, in any order: drawn at random, played to a model. */
import * as fc from 'fast-check';
import { isHere, type Model, type ModelConnection, type ModelTurn, type Plan } from './orders-model.ts';

/** As drawn. Numbers choose among what there is when the command's time has come. */
export type Drawn =
  | { readonly do: 'open' | 'drain' | 'reload' }
  | { readonly do: 'create'; readonly which: number; readonly lane: string; readonly plan: Plan }
  | { readonly do: 'begin' | 'finish' | 'interrupt'; readonly which: number }
  | { readonly do: 'deaf'; readonly which: number }
  | { readonly do: 'leave'; readonly which: number; readonly how: 'close' | 'drop' | 'reset' };

/** What it means then. */
export type Command =
  | { readonly do: 'open' | 'drain' | 'reload' }
  | {
      readonly do: 'create';
      readonly connection: ModelConnection;
      readonly lane: string;
      readonly plan: Plan;
    }
  | { readonly do: 'begin' | 'finish' | 'interrupt'; readonly turn: ModelTurn }
  /** Reads no more; or reads again. */
  | { readonly do: 'deaf'; readonly connection: ModelConnection }
  | {
      readonly do: 'leave';
      readonly connection: ModelConnection;
      readonly how: 'close' | 'drop' | 'reset';
    };

const MAX_CONNECTIONS = 4;

const which = fc.nat(30);
const plan = fc.constantFrom<Plan>(
  ...([
    'complete',
    'complete',
    'complete',
    'long',
    'incomplete',
    'fail',
    'error',
    'reset',
    'cut',
    'refuse',
  ] as const),
);
const command: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Drawn>({ do: 'open' }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      which,
      lane: fc.constantFrom('', '', 'a', 'a', 'b', 'c'),
      plan,
    }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('begin' as const), which }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('finish' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('interrupt' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deaf' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      which,
      how: fc.constantFrom<'close' | 'drop' | 'reset'>('close', 'drop', 'reset'),
    }),
  },
);

/** Up to sixty commands; in some of them a reload of the routes or a drain at some place. */
export const commands: fc.Arbitrary<readonly Drawn[]> = fc
  .tuple(
    fc.array(command, { minLength: 10, maxLength: 60, size: 'max' }),
    fc.option(fc.nat(), { freq: 2 }),
    fc.option(fc.nat(), { freq: 2 }),
  )
  .map(([drawn, reloadAt, drainAt]) => {
    const all: Drawn[] = [{ do: 'open' }, { do: 'open' }, ...drawn];
    if (reloadAt !== null) all.splice(reloadAt % all.length, 0, { do: 'reload' });
    // what a drain allows is in its last third
    if (drainAt !== null) all.splice(all.length - (drainAt % Math.ceil(all.length / 3)), 0, { do: 'drain' });
    return all;
  });

/** What a command means now; undefined if it means nothing. */
export function meaningOf(drawn: Drawn, model: Model): Command | undefined {
  if (model.isOver) return undefined;
  switch (drawn.do) {
    case 'open':
    case 'drain':
    case 'reload':
      return isPossible(drawn.do, model) ? { do: drawn.do } : undefined;
    case 'create':
    case 'leave':
    case 'deaf': {
      const connection = pick(model.connections.filter(isHere), drawn.which);
      return connection && { ...drawn, connection };
    }
    case 'begin':
    case 'finish':
    case 'interrupt': {
      const turn = pick(turnsFor(drawn.do, model), drawn.which);
      return turn && { do: drawn.do, turn };
    }
  }
}

function isPossible(what: 'open' | 'drain' | 'reload', model: Model): boolean {
  if (what === 'open') return !model.isDraining && model.connections.filter(isHere).length < MAX_CONNECTIONS;
  return what === 'reload' || !model.isDraining;
}

/** An interrupt may come too early or too late; the provider takes one step after the other. */
function turnsFor(what: 'begin' | 'finish' | 'interrupt', model: Model): ModelTurn[] {
  if (what === 'interrupt') return model.turns.filter(({ connection }) => isHere(connection));
  const before = what === 'begin' ? 'opened' : 'begun';
  return model.running.filter(({ state }) => state === before);
}

function pick<T>(things: readonly T[], which: number): T | undefined {
  return things[which % Math.max(1, things.length)];
}

/** Tells the model. Its turn, when the command makes one. */
export function tell(model: Model, command: Command): ModelTurn | undefined {
  switch (command.do) {
    case 'open':
      model.open();
      break;
    case 'drain':
      model.drain();
      break;
    case 'reload':
      model.version++;
      break;
    case 'create':
      return model.create(command.connection, command.lane, command.plan);
    case 'begin':
    case 'finish':
    case 'interrupt':
      model[command.do](command.turn);
      break;
    case 'leave':
      model.leave(command.connection);
      break;
    case 'deaf':
      break; // hearing is the client's affair: what it is owed stays the same
  }
  return undefined;
}
