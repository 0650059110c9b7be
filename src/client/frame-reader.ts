/** What a client's messages do: requests go into the conversation, everything else is answered or refused here. */
import { eventTypeOf } from '../events/event-type.ts';
import { parseClientFrame, type ClientFrame } from '../frames/client-frame.ts';
import { refusal, toErrorFrame, type ErrorAnswer } from '../frames/errors.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import { withoutSlack } from '../json/exact-copy.ts';
import { injectFailedEvent, steerFailedEvent } from '../frames/server-events.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import type { Conversation } from '../turn/conversation.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { ConnectionRecord, FrameRefusal } from './facts.ts';
import type { InboundAccount } from './inbound-account.ts';
import type { Outbox } from './outbox.ts';

export interface FrameReaderParts {
  readonly tools: ConnectionTools;
  readonly record: ConnectionRecord;
  /** The group as it is now. */
  readonly group: () => RouteGroup;
  readonly conversation: Conversation;
  readonly outbox: Outbox;
  readonly inbound: InboundAccount;
  /** False once the connection is about to close: its client opens another one for what comes now. */
  readonly takesTurns: () => boolean;
}

const RETIRING = refusal(
  'websocket_connection_limit_reached',
  'This connection is about to close; open a new one and send the whole input.',
);

/** A conversation's refusals, as telemetry counts them. */
const REFUSALS: Readonly<Record<string, FrameRefusal>> = {
  websocket_stream_limit_reached: 'stream_limit',
  websocket_connection_limit_reached: 'leaving',
  queue_full: 'queue_full',
};

type FrameOf<K extends ClientFrame['kind']> = Extract<ClientFrame, { readonly kind: K }>;

export class FrameReader {
  readonly #parts: FrameReaderParts;

  constructor(parts: FrameReaderParts) {
    this.#parts = parts;
  }

  /** Takes one message, whole. */
  read(bytes: Buffer, isBinary: boolean): void {
    this.#parts.tools.turnTools.clock.now(); // it stands still from here: the turn begins before its request is parsed
    if (isBinary) {
      return this.#refuse(
        'unsupported_frame_type',
        refusal('unsupported_frame_type', 'Frames are JSON in text messages; this one was binary.'),
      );
    }
    const { maxMessageBytes } = this.#parts.group().limits;
    if (bytes.length > maxMessageBytes) {
      return this.#refuse(
        'frame_too_large',
        refusal(
          'payload_too_large',
          `The frame has ${bytes.length} bytes; at most ${maxMessageBytes} are taken (limits.maxMessageBytes). Send less, for example fewer or smaller images.`,
        ),
      );
    }
    this.#take(parseClientFrame(withoutSlack(bytes))); // it may wait, and must not keep what else was read with it
  }

  #take(frame: ClientFrame): void {
    const { conversation, tools } = this.#parts;
    const { inByType } = tools.counts;
    switch (frame.kind) {
      case 'create':
        inByType.create++;
        return this.#takeCreate(frame.create);
      case 'interrupt':
        inByType.interrupt++;
        return conversation.interrupt(frame.responseId, frame.bytes);
      case 'steer':
        inByType.steer++;
        return this.#takeSteer(frame);
      case 'inject':
        inByType.inject++;
        return this.#takeInject(frame);
      case 'processed':
        inByType.other++;
        return;
      case 'refused':
        inByType.other++;
        return this.#refuse(frame.reason, frame.error, frame.streamId);
    }
  }

  /** To the response's provider, where that takes it; else it is refused here in its own event form. */
  #takeSteer({ previousResponseId, input, bytes }: FrameOf<'steer'>): void {
    const why = this.#parts.conversation.tell(previousResponseId, bytes, 'Steer');
    if (why !== 'told') this.#answer(steerFailedEvent(previousResponseId, input, why));
  }

  #takeInject({ responseId, input, bytes }: FrameOf<'inject'>): void {
    const why = this.#parts.conversation.tell(responseId, bytes, 'Inject');
    if (why !== 'told') this.#answer(injectFailedEvent(responseId, input, why));
  }

  #takeCreate(create: ResponseCreate): void {
    const { inbound, conversation, record, tools } = this.#parts;
    if (!this.#parts.takesTurns()) return this.#refuse('leaving', RETIRING, create.streamId);
    const bytes = create.bytes.length;
    const shortage = inbound.hold(bytes);
    if (shortage !== undefined) return this.#refuse('no_room', shortage, create.streamId);
    const refused = conversation.request({
      create,
      receivedAt: tools.turnTools.clock.now(),
      onBodyDone: () => inbound.letGo(bytes),
    });
    record.turns = conversation.turns;
    if (refused === undefined) return;
    inbound.letGo(bytes);
    this.#refuse(REFUSALS[refused.error.code ?? ''] ?? 'invalid_request', refused, create.streamId);
  }

  #refuse(reason: FrameRefusal, answer: ErrorAnswer, streamId?: string): void {
    const { tools, record } = this.#parts;
    tools.facts({ kind: 'frame.refused', connectionId: record.id, reason });
    this.#answer(toErrorFrame(answer, streamId));
  }

  #answer(payload: Buffer): void {
    this.#parts.outbox.send(payload, eventTypeOf(payload));
  }
}
