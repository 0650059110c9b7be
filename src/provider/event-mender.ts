/**
 * What every event of a provider passes through, over whichever transport it came: what the provider's dialect needs
 * mended is mended here, and the header that must reach no client is taken out.
 */
import { randomUUID } from 'node:crypto';
import { renameDone } from '../events/done-alias.ts';
import { type EventType, eventTypeNamed } from '../events/event-type.ts';
import { FilledOutput } from '../events/filled-output.ts';
import { withoutModelHeader } from '../events/model-header.ts';
import { DialectRepair } from '../events/repair.ts';
import type { CompiledProvider } from '../route/snapshot.ts';

/** Where events go. */
export type EventSink = (payload: Buffer, type: EventType) => void;

/** Passes the events of one answer on, mended where that is needed. */
export interface Mender {
  /** Says why not, in the words of a fault, where it cannot be. */
  mend(payload: Buffer, type: EventType): string | undefined;
  /** Bytes that it keeps of what has passed. */
  readonly keptBytes: number;
}

const RESPONSE_DONE = eventTypeNamed('response.done');
const RESPONSE_COMPLETED = eventTypeNamed('response.completed');

export const TOO_MUCH = 'sent more output than one answer may have';
export const UNWRITABLE = 'sent something that has to be mended but is nested too deeply for that';

/** Names a response that its provider left without an id. */
export function newResponseId(): string {
  return `resp_${randomUUID().replaceAll('-', '')}`;
}

/** For the events of one answer, in their order. */
export function openMender(dialect: CompiledProvider['dialect'], sink: EventSink): Mender {
  const tell: EventSink = (payload, type) => {
    // Deltas never carry headers, and there are hundreds of them for each other event.
    sink(type.role === 'output' ? payload : withoutModelHeader(payload), type);
  };
  switch (dialect) {
    case 'OpenAI':
      return renaming(tell);
    case 'ChatGPT':
      return filling(tell);
    case 'Compatible':
      return repairing(tell);
  }
}

/** For providers that speak the API: only an alias of theirs has to be renamed. */
function renaming(tell: EventSink): Mender {
  return {
    keptBytes: 0,
    mend(payload, type) {
      if (type === RESPONSE_DONE) {
        tell(renameDone(payload), RESPONSE_COMPLETED);
      } else {
        tell(payload, type);
      }
      return undefined;
    },
  };
}

/** For the backend of ChatGPT logins, which may leave `output` empty at the end. */
function filling(tell: EventSink): Mender {
  const output = new FilledOutput();
  const renamed = renaming(tell);
  return {
    get keptBytes() {
      return output.keptBytes;
    },
    mend: (payload, type) => renamed.mend(output.push(payload, type), type),
  };
}

/** For providers that only resemble it. */
function repairing(tell: EventSink): Mender {
  let repair = new DialectRepair(newResponseId);
  return {
    get keptBytes() {
      return repair.keptBytes;
    },
    mend(payload, type) {
      // a response that was steered has a successor, on the same turn
      if (repair.hasEnded && type.role === 'created') repair = new DialectRepair(newResponseId);
      const events = repair.push(payload, type);
      if (events === 'unwritable' || events === 'overflow') {
        return events === 'overflow' ? TOO_MUCH : UNWRITABLE;
      }
      for (const event of events) {
        tell(event.payload, event.type);
      }
      return undefined;
    },
  };
}

const OPEN_BRACE = 0x7b;

/** Is the first byte that is no white space an opening brace? What follows is not looked at: that would cost a parse. */
export function beginsObject(payload: Buffer): boolean {
  let at = 0;
  while (at < payload.length && isSpace(payload[at])) {
    at += 1;
  }
  return payload[at] === OPEN_BRACE;
}

/** JSON's white space (RFC 8259, 2). */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
