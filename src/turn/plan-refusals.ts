/** Why a turn is refused before any attempt, or between two: the sentences for it. */
import { refusal } from '../frames/errors.ts';
import { chooseUnusableProvider } from '../route/match.ts';
import type { CompiledRoute, ContinuationMode, HeaderField } from '../route/snapshot.ts';
import { rejected, withoutCredentials } from './failure.ts';
import type { TurnRefusal } from './plan.ts';

export function noRoute(model: string | undefined): TurnRefusal {
  const message =
    model === undefined
      ? 'The request names no `model`, and no route here takes requests without one.'
      : `No route here serves the model ${JSON.stringify(model.slice(0, 128))}. Ask for one that a route names, or have a route added for it.`;
  return {
    kind: 'refuse',
    route: undefined,
    continuation: 'none',
    failure: rejected(refusal('model_not_found', message, 'model')),
  };
}

/** @param headers Of the client: they tell whose request it is. */
export function noProvider(
  route: CompiledRoute,
  model: string | undefined,
  headers: readonly HeaderField[],
): TurnRefusal {
  const unusable = chooseUnusableProvider(route, model, headers);
  const what =
    model === undefined ? 'a request without a model' : `the model ${JSON.stringify(model.slice(0, 128))}`;
  return {
    kind: 'refuse',
    route,
    continuation: 'none',
    failure:
      unusable === undefined
        ? rejected(refusal('model_not_found', `No provider of route ${route.id} serves ${what}.`, 'model'))
        : withoutCredentials(route, unusable),
  };
}

/** The client has to send everything. */
export function unknownResponse(route: CompiledRoute, mode: ContinuationMode, id: string): TurnRefusal {
  return missed(
    route,
    id,
    mode === 'Stateless'
      ? 'This route keeps nothing between requests.'
      : 'It was never seen on this connection, is not the latest of its lane, or was given up to save memory.',
  );
}

/** Only the provider that gave it knows this response, and that one cannot be asked now. */
export function lostResponse(route: CompiledRoute, id: string): TurnRefusal {
  return missed(route, id, 'Only the provider that gave it knows it, and that one cannot be asked now.');
}

function missed(route: CompiledRoute, id: string, why: string): TurnRefusal {
  const shown = JSON.stringify(id.slice(0, 128));
  return {
    kind: 'refuse',
    route,
    continuation: 'miss',
    failure: rejected(
      refusal(
        'previous_response_not_found',
        `Previous response ${shown} is not known here. ${why} Send the whole input without previous_response_id.`,
        'previous_response_id',
      ),
    ),
  };
}
