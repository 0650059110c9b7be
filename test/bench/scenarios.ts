/** What is measured, and what it may cost. Pure data. */

/** How the provider answers each request of a run. */
export interface Answer {
  /** `run`: one answer lasts from the warm-up to the end of the window. */
  readonly events: number | 'run';
  /** Of an event's `delta`; its payload has 135 bytes more. At least 16, which are the time of sending. */
  readonly textBytes: number;
  /** Between two writes of a stream; 0: as fast as they are taken. */
  readonly gapUs: number;
  readonly eventsPerWrite: number;
}

/** What each client asks: so many messages, each with so many bytes of text as it stands in the request. */
export interface Question {
  readonly messages: number;
  readonly messageBytes: number;
}

/** Clients that read slowly, among the others. */
export interface SlowClients {
  readonly clients: number;
  readonly bytesPerSecond: number;
}

export type FigureName = 'bridge' | 'ratio' | 'addedP50Us' | 'addedP99Us' | 'tracesUs' | 'dialsPerTurn';

/** A promise: a median that must not be exceeded, and the one that is hoped for. */
export interface Bar {
  readonly figure: FigureName;
  readonly atMost: number;
  readonly aim?: number;
}

interface Named {
  readonly name: string;
  readonly title: string;
  /** How often it is measured with the default of seven pairs. */
  readonly pairs: number;
  readonly bars: readonly Bar[];
}

/** Clients with turns; the bridge's CPU per event or turn beside the relay's. */
export interface TrafficScenario extends Named {
  readonly kind: 'traffic';
  readonly unit: 'event' | 'turn';
  readonly clients: number;
  readonly answer: Answer;
  readonly question: Question;
  readonly slow?: SlowClients;
  /** Also without anything in the middle. */
  readonly direct?: boolean;
  /** Also with a bridge that keeps every trace and sends it to a receiver: what that costs beside the one without. */
  readonly traced?: boolean;
  /** Over the provider's WebSocket instead of HTTP; the relay's clients then speak it, too. */
  readonly overWebSocket?: boolean;
}

/** Connections that are held; the bridge's resident memory for each. */
export interface MemoryScenario extends Named {
  readonly kind: 'memory';
  readonly clients: number;
  /** Undefined: no frame is sent. */
  readonly answer: Answer | undefined;
  /** Longer than others: memory settles when the first collections have been. */
  readonly windowMs: number;
}

/** From the start of node until /readyz says 200, with a warm compile cache. */
export interface StartScenario extends Named {
  readonly kind: 'start';
}

export type Scenario = TrafficScenario | MemoryScenario | StartScenario;

/** A payload of 250 bytes: what a token or two look like on the wire. */
const TEXT_BYTES = 115;
const SMALL: Question = { messages: 1, messageBytes: 20 };
const FIVE_MS = 5_000;
const PACED: Answer = { events: 'run', textBytes: TEXT_BYTES, gapUs: FIVE_MS, eventsPerWrite: 1 };
const BULK: Answer = { events: 'run', textBytes: TEXT_BYTES, gapUs: 400, eventsPerWrite: 16 };
/** All that belongs to one answer leaves in one write. */
const ONE_EVENT: Answer = { events: 1, textBytes: TEXT_BYTES, gapUs: 0, eventsPerWrite: 1 };

export const SCENARIOS: readonly Scenario[] = [
  {
    kind: 'traffic',
    name: 'paced',
    title: '100 streams, an event of 250 bytes per 5 ms each',
    unit: 'event',
    clients: 100,
    answer: PACED,
    question: SMALL,
    direct: true,
    pairs: 7,
    bars: [
      { figure: 'ratio', atMost: 1.8, aim: 1.6 },
      { figure: 'addedP50Us', atMost: 100 },
    ],
  },
  {
    kind: 'traffic',
    name: 'few',
    title: '10 such streams',
    unit: 'event',
    clients: 10,
    answer: PACED,
    question: SMALL,
    direct: true,
    pairs: 7,
    bars: [
      { figure: 'ratio', atMost: 2.5, aim: 1.8 },
      { figure: 'addedP50Us', atMost: 100 },
      { figure: 'addedP99Us', atMost: 1_000 },
    ],
  },
  {
    // At a pace that both can follow: a process that falls behind finds more than 16 events in its next read.
    kind: 'traffic',
    name: 'bulk',
    title: '8 streams, 16 events per read, 320,000 events per second',
    unit: 'event',
    clients: 8,
    answer: BULK,
    question: SMALL,
    pairs: 7,
    bars: [{ figure: 'ratio', atMost: 2.5, aim: 1.4 }],
  },
  {
    kind: 'traffic',
    name: 'flood',
    title: '4 streams, as fast as they are taken',
    unit: 'event',
    clients: 4,
    answer: { events: 20_000, textBytes: TEXT_BYTES, gapUs: 0, eventsPerWrite: 16 },
    question: SMALL,
    pairs: 3,
    bars: [],
  },
  {
    kind: 'traffic',
    name: 'turn',
    title: '16 clients, turns of one event, back to back',
    unit: 'turn',
    clients: 16,
    answer: ONE_EVENT,
    question: SMALL,
    pairs: 7,
    bars: [{ figure: 'ratio', atMost: 2.5 }],
  },
  {
    kind: 'traffic',
    name: 'long-turn',
    title: '16 clients, requests of 40 KB, answers of 60 events',
    unit: 'turn',
    clients: 16,
    answer: { events: 60, textBytes: TEXT_BYTES, gapUs: 0, eventsPerWrite: 16 },
    question: { messages: 20, messageBytes: 2_000 },
    pairs: 7,
    bars: [{ figure: 'ratio', atMost: 3 }],
  },
  {
    kind: 'traffic',
    name: 'large-request',
    title: '4 clients, requests of 1 MB, answers of one event',
    unit: 'turn',
    clients: 4,
    answer: ONE_EVENT,
    question: { messages: 100, messageBytes: 10_000 },
    pairs: 3,
    bars: [],
  },
  {
    kind: 'traffic',
    name: 'small-events',
    title: '100 streams, 5 ms, texts of 16 bytes',
    unit: 'event',
    clients: 100,
    answer: { ...PACED, textBytes: 16 },
    question: SMALL,
    pairs: 3,
    bars: [],
  },
  {
    kind: 'traffic',
    name: 'large-events',
    title: '100 streams, 5 ms, texts of 2,000 bytes',
    unit: 'event',
    clients: 100,
    answer: { ...PACED, textBytes: 2_000 },
    question: SMALL,
    pairs: 3,
    bars: [],
  },
  {
    kind: 'traffic',
    name: 'slow-readers',
    title: '40 streams, 2 ms, texts of 2,000 bytes; 4 more read 20 KB/s (latency of the others)',
    unit: 'event',
    clients: 44,
    answer: { ...PACED, textBytes: 2_000, gapUs: 2_000 },
    question: SMALL,
    slow: { clients: 4, bytesPerSecond: 20_000 },
    pairs: 3,
    bars: [],
  },
  {
    // At a pace that both can follow: a full core would send no traces, and drop what it should have cost.
    kind: 'traffic',
    name: 'turn-traced',
    title: '16 clients, turns of one event that take 5 ms, without and with traces',
    unit: 'turn',
    clients: 16,
    answer: { ...PACED, events: 1 },
    question: SMALL,
    traced: true,
    pairs: 7,
    bars: [{ figure: 'tracesUs', atMost: 120 }],
  },
  {
    kind: 'traffic',
    name: 'paced-traced',
    title: '100 streams, an event of 250 bytes per 5 ms each, without and with traces',
    unit: 'event',
    clients: 100,
    answer: PACED,
    question: SMALL,
    traced: true,
    pairs: 7,
    // two equal bridges differ by as much
    bars: [{ figure: 'tracesUs', atMost: 0.5 }],
  },
  {
    kind: 'traffic',
    name: 'ws-paced',
    title: 'as paced, over the provider’s WebSocket',
    unit: 'event',
    clients: 100,
    answer: PACED,
    question: SMALL,
    overWebSocket: true,
    pairs: 7,
    bars: [
      { figure: 'ratio', atMost: 1.8 },
      { figure: 'addedP50Us', atMost: 100 },
    ],
  },
  {
    kind: 'traffic',
    name: 'ws-few',
    title: 'as few, over the provider’s WebSocket',
    unit: 'event',
    clients: 10,
    answer: PACED,
    question: SMALL,
    overWebSocket: true,
    pairs: 7,
    bars: [
      { figure: 'ratio', atMost: 2.5 },
      { figure: 'addedP50Us', atMost: 100 },
    ],
  },
  {
    kind: 'traffic',
    name: 'ws-bulk',
    title: 'as bulk, over the provider’s WebSocket',
    unit: 'event',
    clients: 8,
    answer: BULK,
    question: SMALL,
    overWebSocket: true,
    pairs: 7,
    bars: [{ figure: 'ratio', atMost: 2.5 }],
  },
  {
    kind: 'traffic',
    name: 'ws-turn',
    title: 'as turn, over the provider’s WebSocket; a dial per turn is one beside the first of each client',
    unit: 'turn',
    clients: 16,
    answer: ONE_EVENT,
    question: SMALL,
    overWebSocket: true,
    pairs: 7,
    bars: [{ figure: 'dialsPerTurn', atMost: 0 }],
  },
  {
    kind: 'memory',
    name: 'idle-memory',
    title: '10,000 connections, upgraded, no frame sent',
    clients: 10_000,
    answer: undefined,
    windowMs: 3_000,
    pairs: 3,
    bars: [{ figure: 'bridge', atMost: 15 }],
  },
  {
    kind: 'memory',
    name: 'streaming-memory',
    title: '1,000 connections, an event per 500 ms each',
    clients: 1_000,
    answer: { ...PACED, gapUs: 500_000 },
    windowMs: 3_000,
    pairs: 3,
    bars: [],
  },
  {
    kind: 'start',
    name: 'start',
    title: 'from the start of node until ready',
    pairs: 7,
    bars: [{ figure: 'bridge', atMost: 500 }],
  },
];
