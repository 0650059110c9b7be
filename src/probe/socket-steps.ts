/** What a client does on its socket: open it, warm up, take a turn, make a mistake, be quiet. */
import { toDurationText, toExcerpt } from './printable.ts';
import {
  errorCodeOf,
  type ProbeEvent,
  responseIdOf,
  statusOf,
  type TurnEnd,
  turnEndOf,
} from './probe-event.ts';
import { withTimeout } from './probe-fault.ts';
import { remedyForError } from './remedy.ts';
import { openResponsesSocket, type ResponsesSocket } from './responses-socket.ts';
import { toCreateFrame, toWarmUpFrame } from './turn-request.ts';
import {
  type DoctorState,
  type DoctorTarget,
  fail,
  ok,
  type Step,
  type StepResult,
  warn,
} from './doctor-step.ts';
import { judgeTurn, TURN_TEXT } from './turn-judgement.ts';

/** Clients retry while they wait for a socket; above this a person notices. */
const SLOW_MS = 1000;
const UNKNOWN_ID = 'resp_doctor_unknown';

export const upgradeStep: Step = {
  name: 'upgrade',
  needs: 'reachable',
  run: async (target, state) => {
    const socket = await open(target);
    state.socket = socket;
    const saw = `101 after ${toDurationText(socket.openedInMs)}`;
    if (socket.protocol !== '') {
      return fail(
        `${saw}, with a subprotocol that nobody asked for`,
        'a proxy on the way adds Sec-WebSocket-Protocol: remove that',
      );
    }
    return socket.openedInMs > SLOW_MS
      ? warn(
          saw,
          'the bridge answers before it asks any provider: look for what delays it on the way (DNS, TLS, ingress)',
        )
      : ok(`${saw}, no subprotocol`);
  },
};

export const warmUpStep: Step = {
  name: 'warm-up',
  needs: 'socket',
  run: async (target, state) => {
    const startedAt = performance.now();
    const last = await lastEvent(
      target,
      socketOf(state),
      toWarmUpFrame(target.model, 'This is a connection check.'),
    );
    const took = performance.now() - startedAt;
    const end = turnEndOf(last);
    if (end?.outcome !== 'completed') return failedTurn(last, end, target.model);
    const id = responseIdOf(last);
    state.warmUpId = id;
    const saw = `answered after ${toDurationText(took)}`;
    if (took > SLOW_MS) {
      return warn(
        saw,
        'a bridge answers warm-ups itself: with continuation.mode Provider the provider does, and Codex waits for it',
      );
    }
    return id === undefined ? ok(`${saw}, without an id: clients will send everything each time`) : ok(saw);
  },
};

export const turnStep: Step = {
  name: 'turn',
  needs: 'socket',
  run: (target, state) => {
    const signal = withTimeout(target.signal, target.turnTimeoutMs);
    const frame = toCreateFrame({ model: target.model, text: TURN_TEXT, previousResponseId: state.warmUpId });
    const startedAt = performance.now();
    const events = socketOf(state).turn(frame, signal);
    return judgeTurn(events, { transport: 'websocket', startedAt, model: target.model });
  },
};

export const badFrameStep: Step = {
  name: 'bad frame',
  needs: 'socket',
  run: async (target, state) => {
    const signal = withTimeout(target.signal, target.stepTimeoutMs);
    const socket = socketOf(state);
    socket.send('{"type":"response.create"');
    const received = await socket.receive(signal);
    if (received.kind === 'closed') {
      return fail(
        `the connection was closed with ${received.code}`,
        'a bridge answers with an error event and keeps the socket: look for a proxy that inspects frames',
      );
    }
    const { event } = received;
    const status = statusOf(event);
    if (event.type !== 'error')
      return fail(`answered with ${toExcerpt(event.type)} instead of an error`, undefined);
    if (status === undefined) {
      return fail(
        'the error has no status',
        'Codex ignores an error event without a numeric status and waits for minutes: the server must add it',
      );
    }
    await socket.ping(signal);
    const saw = `error ${status} (${toExcerpt(errorCodeOf(event) ?? 'no code')}), the socket stays usable`;
    return status === 400 ? ok(saw) : warn(saw, 'clients retry what is not 400 although it cannot succeed');
  },
};

export const pingStep: Step = {
  name: 'ping',
  needs: 'socket',
  run: async (target, state) => {
    const ms = await socketOf(state).ping(withTimeout(target.signal, target.stepTimeoutMs));
    const saw = `pong after ${toDurationText(ms)}`;
    return ms > SLOW_MS ? warn(saw, 'the way to the bridge is slow, or its event loop is busy') : ok(saw);
  },
};

export const unknownResponseStep: Step = {
  name: 'unknown id',
  needs: 'socket',
  run: async (target, state) => {
    const frame = toCreateFrame({ model: target.model, text: TURN_TEXT, previousResponseId: UNKNOWN_ID });
    const last = await lastEvent(target, socketOf(state), frame);
    const code = errorCodeOf(last);
    if (last.type === 'error' && code === 'previous_response_not_found') {
      return ok(
        'a lost conversation is answered with previous_response_not_found: clients send everything again',
      );
    }
    const end = turnEndOf(last);
    if (end?.outcome === 'completed') {
      return fail(
        'a conversation that does not exist was continued',
        'the provider ignores previous_response_id: set continuation.mode of the route to Transcript',
      );
    }
    const reason = end?.reason ?? last.type;
    return warn(
      `answered with ${toExcerpt(reason)}`,
      'clients recover from previous_response_not_found alone: set continuation.mode of the route to Transcript',
    );
  },
};

export const silenceStep: Step = {
  name: 'silence',
  needs: 'socket',
  run: async (target, state) => {
    const socket = socketOf(state);
    const seconds = target.idleSeconds ?? 0;
    const pingsBefore = socket.pingsSeen;
    const startedAt = performance.now();
    const heard = await hearNothing(socket, target, seconds);
    const lasted = Math.round((performance.now() - startedAt) / 1000);
    if (heard?.kind === 'closed') {
      return fail(
        `the connection was closed with ${heard.code} after ${lasted} s`,
        'raise the idle time-outs on the way above an hour (nginx: proxy_read_timeout and proxy_send_timeout; cloud load balancers: idle timeout), and let the bridge ping more often (--ping-interval)',
      );
    }
    if (heard !== undefined) {
      return fail(
        `${toExcerpt(heard.event.type)} arrived after ${lasted} s although no turn was running`,
        'Codex takes it for the beginning of its next answer: nothing may be sent between turns',
      );
    }
    await socket.ping(withTimeout(target.signal, target.stepTimeoutMs));
    const pings = socket.pingsSeen - pingsBefore;
    const saw = `alive after ${seconds} s, pings seen: ${pings}`;
    return pings === 0 && seconds >= 60
      ? warn(
          saw,
          'without pings a balancer may drop quiet connections unnoticed: set --ping-interval of the bridge (25 s by default)',
        )
      : ok(saw);
  },
};

/** Opens a socket to the target. The caller closes it. */
export function open(target: DoctorTarget): Promise<ResponsesSocket> {
  const signal = withTimeout(target.signal, target.stepTimeoutMs);
  return openResponsesSocket({ url: target.endpoint.socketUrl, key: target.key, signal });
}

/** Steps that need a socket run only when there is one. */
function socketOf({ socket }: DoctorState): ResponsesSocket {
  if (socket === undefined) throw new Error('a step that needs a socket ran without one');
  return socket;
}

async function lastEvent(
  target: DoctorTarget,
  socket: ResponsesSocket,
  frame: Record<string, unknown>,
): Promise<ProbeEvent> {
  let last: ProbeEvent | undefined;
  const signal = withTimeout(target.signal, target.turnTimeoutMs);
  for await (const event of socket.turn(frame, signal)) last = event;
  if (last === undefined) throw new Error('a turn ended without an event and without a fault');
  return last;
}

/** @returns what came although nothing should; undefined when the time passed in silence */
async function hearNothing(socket: ResponsesSocket, target: DoctorTarget, seconds: number) {
  const time = AbortSignal.timeout(seconds * 1000);
  try {
    return await socket.receive(AbortSignal.any([target.signal, time]));
  } catch (error) {
    if (time.aborted && !target.signal.aborted) return undefined;
    throw error;
  }
}

function failedTurn(last: ProbeEvent, end: TurnEnd | undefined, model: string): StepResult {
  const reason = end === undefined || end.outcome === 'completed' ? last.type : end.reason;
  return fail(`answered with ${toExcerpt(reason)}`, remedyForError(statusOf(last), errorCodeOf(last), model));
}
