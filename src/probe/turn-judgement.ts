/** Judges one turn, whatever carried it. */
import { toDurationText, toExcerpt } from './printable.ts';
import { errorCodeOf, type ProbeEvent, statusOf, turnEndOf } from './probe-event.ts';
import { remedyForError } from './remedy.ts';
import { TurnObserver, type TurnReport } from './turn-report.ts';
import { fail, ok, type StepResult, warn } from './doctor-step.ts';

/** Cheap to answer, and the same for every model. */
export const TURN_TEXT = 'Reply with the single word: pong';

export interface TurnContext {
  readonly transport: TurnReport['transport'];
  readonly startedAt: number;
  readonly model: string;
}

/**
 * Runs a turn to its end.
 * @throws ProbeFault when it had none
 */
export async function judgeTurn(
  events: AsyncIterable<ProbeEvent>,
  context: TurnContext,
): Promise<StepResult> {
  const observer = new TurnObserver(context.transport, context.startedAt);
  let last: ProbeEvent | undefined;
  for await (const event of events) {
    observer.observe(event);
    last = event;
  }
  const report = observer.report(performance.now(), { outcome: 'broken', reason: 'no event ended the turn' });
  const saw = `${report.outcome} after ${toDurationText(report.totalMs)}, ${report.events} events, first after ${toDurationText(report.firstEventMs ?? 0)}`;
  switch (report.outcome) {
    case 'completed':
      return ok(saw);
    case 'incomplete':
      return warn(`${saw} (${toExcerpt(report.reason ?? '')})`, undefined);
    default:
      return fail(`${saw}: ${toExcerpt(report.reason ?? '')}`, remedyOf(last, context.model));
  }
}

function remedyOf(last: ProbeEvent | undefined, model: string): string | undefined {
  if (last === undefined || turnEndOf(last) === undefined) return undefined;
  return remedyForError(statusOf(last), errorCodeOf(last), model);
}
