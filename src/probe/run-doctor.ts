/** Tries a deployment as a client would, step by step. */
import { ProbeFault } from './probe-fault.ts';
import { describeFault, remedyFor } from './remedy.ts';
import { fallbackStep, headStep, modelsStep, plainGetStep } from './http-steps.ts';
import { dnsStep, tcpStep, tlsStep } from './path-steps.ts';
import {
  badFrameStep,
  open,
  pingStep,
  silenceStep,
  turnStep,
  unknownResponseStep,
  upgradeStep,
  warmUpStep,
} from './socket-steps.ts';
import {
  type DoctorState,
  type DoctorTarget,
  fail,
  skip,
  type Step,
  type StepResult,
} from './doctor-step.ts';

/** What a doctor tells while it works: each step first begins, then has a result. */
export type DoctorNews =
  | { readonly kind: 'begun'; readonly step: string }
  | { readonly kind: 'done'; readonly step: string; readonly result: StepResult };

/** From the outside in; silence last, because it takes long. */
const STEPS: readonly Step[] = [
  dnsStep,
  tcpStep,
  tlsStep,
  headStep,
  plainGetStep,
  upgradeStep,
  warmUpStep,
  turnStep,
  badFrameStep,
  pingStep,
  unknownResponseStep,
  fallbackStep,
  modelsStep,
];

/**
 * Runs all steps and closes what they opened, also when the iteration is left early. A step that fails does not end
 * the examination.
 * @throws ProbeFault `interrupted` when the target's signal ends
 */
export async function* runDoctor(target: DoctorTarget): AsyncGenerator<DoctorNews, void> {
  const state: DoctorState = { isReachable: false, socket: undefined, warmUpId: undefined };
  const steps = target.idleSeconds === undefined ? STEPS : [...STEPS, silenceStep];
  try {
    for (const step of steps) {
      yield { kind: 'begun', step: step.name };
      // oxlint-disable-next-line no-await-in-loop -- each step builds on those before
      yield { kind: 'done', step: step.name, result: await runStep(step, target, state) };
    }
  } finally {
    await state.socket?.close();
  }
}

async function runStep(step: Step, target: DoctorTarget, state: DoctorState): Promise<StepResult> {
  try {
    if (step.needs !== 'nothing' && !state.isReachable) return skip('not tried: there is no connection');
    if (step.needs === 'socket' && !(await hasSocket(target, state)))
      return skip('not tried: there is no socket');
    return await step.run(target, state);
  } catch (error) {
    if (!(error instanceof ProbeFault) || error.code === 'interrupted') throw error;
    return fail(describeFault(error), remedyFor(error, step === upgradeStep ? 'upgrade' : 'request'));
  }
}

/** A step may cost the socket; the next one then gets a new one, as a client would. */
async function hasSocket(target: DoctorTarget, state: DoctorState): Promise<boolean> {
  if (state.socket === undefined) return false; // the upgrade failed and has said so
  if (state.socket.isOpen) return true;
  await state.socket.close();
  state.warmUpId = undefined; // known on the old socket only
  state.socket = await open(target);
  return true;
}
