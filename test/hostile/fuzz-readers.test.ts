/** Every reader by itself, at a high rate: what is wrong with one needs no socket to show. */
import { describe, expect, test } from '@jest/globals';
import { anyJsonFrom } from './any-json.ts';
import { clientFrames, jsonAnswers, providerEvents, streams } from './corpus.ts';
import { fuzz, FUZZ_TIMEOUT_MS, type FuzzTarget } from './fuzz.ts';
import {
  judgeEvent,
  judgeJsonAnswer,
  judgeRefusal,
  judgeRepair,
  judgeStream,
  type Refusal,
} from './judge-answers.ts';
import { anyFields, judgeHeaders } from './judge-headers.ts';
import { judgeBody, judgeFrame, judgeWalk } from './judge-requests.ts';
import { cutByChance, mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

/** A reader takes thousands of inputs in that time. */
const seconds = 1;

const anyFrame = anyJsonFrom(clientFrames);
const anyEvent = anyJsonFrom(providerEvents);
const anyAnswer = anyJsonFrom(jsonAnswers);
const anyDocument = anyJsonFrom([...clientFrames, ...providerEvents, ...jsonAnswers]);

const statuses = [300, 400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 529, 599];
const delays = [
  '1',
  '0',
  '-1',
  '1e9',
  '1.5',
  '',
  'soon',
  'Wed, 21 Oct 2099 07:28:00 GMT',
  '99999999999999999999',
];

function anyRefusal(random: Random): Refusal {
  const retryAfter = random.oneIn(2) ? random.pick(delays) : undefined;
  return { status: random.pick(statuses), retryAfter, body: anyAnswer(random) };
}

function anyEvents(random: Random): Buffer[] {
  return Array.from({ length: random.size(12) }, () =>
    random.oneIn(3) ? anyEvent(random) : Buffer.from(JSON.stringify(random.pick(providerEvents))),
  );
}

/** A reader is attacked. */
function attack<Input>(make: FuzzTarget<Input>['make'], run: (input: Input) => void): () => Promise<number> {
  return () => fuzz({ seconds, make, run });
}

describe('whatever a client sends', () => {
  test.each([
    ['the walk over an object and JSON.parse agree', attack(anyDocument, judgeWalk)],
    ['a frame is read or refused, and goes on to the provider as it came', attack(anyFrame, judgeFrame)],
    ['a body is read or refused, and goes on to the provider as it came', attack(anyFrame, judgeBody)],
  ])(
    '%s',
    async (_title, begin) => {
      expect(await begin()).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT_MS,
  );
});

function anyStream(random: Random): Buffer[] {
  return cutByChance(random, mutateBytes(random, random.pick(streams), streams));
}

test(
  'whatever headers come, none goes on that may not, or that cannot be written',
  async () => {
    expect(await fuzz({ seconds, make: anyFields, run: judgeHeaders })).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);

describe('whatever a provider sends', () => {
  test.each([
    [
      'the scanner finds the events that an outside judge finds, however the stream is cut',
      attack(anyStream, judgeStream),
    ],
    ['an event is known by its type, and only what has to be is changed', attack(anyEvent, judgeEvent)],
    ['a stream that is mended has numbered events and one end', attack(anyEvents, judgeRepair)],
    ['an answer in JSON becomes events with one end, or is refused', attack(anyAnswer, judgeJsonAnswer)],
    ['a refusal becomes an error that clients can read', attack(anyRefusal, judgeRefusal)],
  ])(
    '%s',
    async (_title, begin) => {
      expect(await begin()).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT_MS,
  );
});
