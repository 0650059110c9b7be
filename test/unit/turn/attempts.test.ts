/** Several attempts of one turn, with a provider by hand: what each hears, and what is told of it. */
import { describe, expect, test } from '@jest/globals';
import { ProviderFault } from '../../../src/provider/provider.ts';
import type { AttemptEnd } from '../../../src/provider/provider.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { Secret } from '../../../src/route/secret.ts';
import { CLIENT, talkWith, user } from './turn-setup.ts';

const socket: Partial<CompiledProvider> = { transport: 'WebSocket' };
const lost = (isStale: boolean): AttemptEnd => ({
  kind: 'lost',
  isStale,
  fault: new ProviderFault('socket_closed', 'the provider closed', undefined, 1011),
});
const error = (code: string, status?: number) => ({
  type: 'error',
  status,
  error: { type: 'x', code, message: 'm' },
});

describe('facts of several attempts', () => {
  test('come in order: each attempt ends before the next is told of', () => {
    const talk = talkWith([{ transport: 'Auto' }, {}]);
    talk.ask({ input: [user('hi')] });
    talk.transport.last.end({ ...refusedUpgrade(426) });
    talk.transport.last.refuse(503, { message: 'busy' });
    talk.transport.last.say('r', 'ok');
    expect(talk.facts.map(({ kind }) => kind)).toEqual([
      'turn.queued',
      'turn.started',
      'attempt.started',
      'attempt.ended',
      'turn.transport-fallback',
      'attempt.started',
      'attempt.ended',
      'turn.failover',
      'attempt.started',
      'turn.first-event',
      'attempt.ended',
      'turn.ended',
    ]);
    const attempts = talk.facts.flatMap((fact) => (fact.kind === 'attempt.ended' ? [fact.attempt] : []));
    expect(attempts).toMatchObject([
      {
        number: 1,
        provider: 'a',
        transport: 'websocket',
        transportReason: 'preferred',
        reason: 'first',
        status: 426,
      },
      {
        number: 2,
        provider: 'a',
        transport: 'http',
        transportReason: 'not_supported',
        reason: 'transport_fallback',
      },
      {
        number: 3,
        provider: 'b',
        transport: 'http',
        transportReason: 'configured',
        reason: 'failover',
        result: 'ok',
      },
    ]);
    expect(talk.ended()).toMatchObject([
      { attempts: 3, provider: 'b', transport: 'http', outcome: 'completed' },
    ]);
  });

  test('are none for a warm-up that a provider answers, unless it fails', () => {
    const talk = talkWith([socket]);
    talk.ask({ generate: false });
    talk.transport.last.say('r', 'ok');
    expect(talk.facts.filter(({ kind }) => kind !== 'warmup.answered')).toEqual([]);
    talk.ask({ generate: false });
    talk.transport.last.event(error('server_error', 500));
    expect(talk.facts.map(({ kind }) => kind).slice(-2)).toEqual(['turn.queued', 'turn.ended']);
  });
});

function refusedUpgrade(status: number): AttemptEnd {
  return {
    kind: 'refused',
    phase: 'upgrade',
    status,
    httpVersion: '1.1',
    headers: {},
    body: Buffer.alloc(0),
  };
}

describe('a WebSocket that was open before and is dead', () => {
  test('is tried again on a fresh one, once, and then over HTTP', () => {
    const talk = talkWith([{ transport: 'Auto' }]);
    talk.ask({ input: [user('hi')] });
    talk.transport.last.end(lost(true));
    talk.transport.last.end(lost(true));
    expect(talk.transport.attempts.map(({ request }) => request.transport)).toEqual([
      'websocket',
      'websocket',
      'http',
    ]);
    talk.transport.last.say('r', 'ok');
    expect(talk.ended()).toMatchObject([{ outcome: 'completed', attempts: 3 }]);
  });

  test('without HTTP is the turn’s end at the second time', () => {
    const talk = talkWith([socket]);
    talk.ask({ input: [user('hi')] });
    talk.transport.last.end(lost(true));
    talk.transport.last.end(lost(true));
    expect(talk.errors()).toMatchObject([{ error: { code: 'provider_connection_lost' } }]);
  });
});

describe('an id that the provider’s socket remembers', () => {
  test('passes, and is told in full when the provider says that it does not', () => {
    const talk = talkWith([{ transport: 'Auto' }]);
    talk.turn('r1', 'first', { input: [user('one')] });
    talk.transport.held.add('a:r1');
    talk.ask({ previous_response_id: 'r1', input: [user('two')] });
    expect(talk.transport.last.body).toMatchObject({ previous_response_id: 'r1', input: [user('two')] });
    talk.transport.last.event(error('previous_response_not_found', 400));
    expect(talk.transport.last.body['previous_response_id']).toBeUndefined();
    expect(talk.transport.last.input).toHaveLength(3);
    talk.transport.last.say('r2', 'ok');
    expect(talk.errors()).toEqual([]);
  });

  test('is remembered by the socket as far as its response could be continued', () => {
    const talk = talkWith([socket]);
    expect(talk.turn('r1', 'x').releasedWith).toBe('r1');
    talk.ask({});
    const failed = talk.transport.last.created('r2');
    failed.event({ type: 'response.failed', response: { id: 'r2', status: 'failed', error: { code: 'x' } } });
    expect(failed).toMatchObject({ state: 'released', releasedWith: undefined });
  });
});

describe('an error of the provider’s WebSocket', () => {
  test('before the response leaves the socket in use, within it not', () => {
    const talk = talkWith([socket]);
    talk.ask({});
    expect(talk.transport.last.event(error('invalid_prompt', 400)).state).toBe('released');
    talk.ask({});
    expect(talk.transport.last.created('r').event(error('server_error', 500)).state).toBe('aborted');
    expect(talk.types().at(-1)).toBe('response.failed');
  });
});

describe('what an attempt’s record says of an error event', () => {
  const attemptOf = (talk: ReturnType<typeof talkWith>) =>
    talk.facts.flatMap((fact) => (fact.kind === 'attempt.ended' ? [fact.attempt] : []));
  const busy = { ...error('server_is_overloaded', 503), headers: { 'retry-after': '6' } };

  test('is its own status over a WebSocket, where the answer has none but 101, and for how long it asks', () => {
    const talk = talkWith([socket]);
    talk.ask({});
    talk.transport.last.answer('sticky').event(busy);
    expect(attemptOf(talk)).toMatchObject([{ status: 503, retryAfterS: 6 }]);
    talk.ask({});
    talk.transport.last.answer('sticky').created('r').event(busy);
    expect(attemptOf(talk)[1]).toMatchObject({ status: 503, retryAfterS: 6 });
  });

  test('is the answer’s status over HTTP', () => {
    const talk = talkWith([{}]);
    talk.ask({});
    const attempt = talk.transport.last.answer('sticky');
    attempt.event(busy);
    expect(attemptOf(talk)).toMatchObject([{ status: 200, retryAfterS: undefined }]);
  });
});

describe('what is told of a choice', () => {
  const fallbacks = (talk: ReturnType<typeof talkWith>) =>
    talk.facts.flatMap((fact) => (fact.kind === 'turn.transport-fallback' ? [fact.known] : []));

  test('is whether a turn found out that there is no WebSocket, also of a provider that it came to by failover', () => {
    const talk = talkWith([{ transport: 'Auto' }, { transport: 'Auto' }]);
    talk.ask({ input: [user('hi')] });
    talk.transport.last.end(refusedUpgrade(404));
    talk.transport.last.refuse(503, { message: 'busy' });
    talk.transport.last.end(refusedUpgrade(404));
    talk.transport.last.say('r1', 'ok');
    expect(fallbacks(talk)).toEqual(['now', 'now']);
    talk.ask({ input: [user('hi')] });
    talk.transport.last.refuse(503, { message: 'busy' });
    talk.transport.last.say('r2', 'ok');
    expect(fallbacks(talk).slice(2)).toEqual(['beforehand', 'beforehand']);
  });

  test('is how many providers the route has, where none was asked', () => {
    const talk = talkWith([{}]);
    talk.ask({});
    talk.transport.last.refuse(503, { message: 'busy' });
    expect(talk.facts).toContainEqual(
      expect.objectContaining({ kind: 'turn.failover-denied', reason: 'nowhere', providers: 1 }),
    );
  });
});

describe('what is held back for the first event', () => {
  const limits = { type: 'codex.rate_limits', rate_limits: { primary: null, secondary: null } };

  test('goes out with it, in order', () => {
    const talk = talkWith([socket]);
    talk.ask({});
    talk.transport.last.answer('sticky').event(limits);
    expect(talk.sent).toEqual([]);
    talk.transport.last.created('r').complete('r');
    expect(talk.types()).toEqual([
      'response.metadata',
      'codex.rate_limits',
      'response.created',
      'response.completed',
    ]);
  });

  test('is forgotten with an attempt that failed', () => {
    const talk = talkWith([socket, {}]);
    talk.ask({});
    talk.transport.last.event(limits).event(error('server_error', 500));
    talk.transport.last.say('r', 'ok');
    expect(talk.types()).not.toContain('codex.rate_limits');
  });

  test('is not held without end', () => {
    const talk = talkWith([socket]);
    talk.ask({});
    for (let n = 0; n < 17; n++) talk.transport.last.event(limits);
    expect(talk.types()).toHaveLength(17);
  });
});

describe('the time of a turn', () => {
  test('to its first event is each attempt’s own, to its deadline all of theirs together', () => {
    const talk = talkWith([{}, {}]);
    talk.ask({});
    talk.clock.advance(300_000);
    expect(talk.transport.attempts).toHaveLength(2);
    talk.clock.advance(299_000);
    expect(talk.transport.last.state).toBe('running');
    talk.transport.last.created('r');
    for (let n = 0; n < 15; n++) {
      talk.clock.advance(200_000);
      talk.transport.last.delta();
    }
    expect(talk.transport.last.state).toBe('running');
    talk.clock.advance(2_000);
    expect(talk.ended()).toMatchObject([{ outcome: 'timeout', errorType: 'turn_timeout' }]);
  });
});

describe('a client that reads slowly', () => {
  test('is waited for by the next attempt as well', () => {
    const talk = talkWith([{}, {}]);
    talk.ask({});
    talk.conversation.pause();
    talk.transport.last.refuse(503, { message: 'busy' });
    expect(talk.transport.last.isPaused).toBe(true);
    talk.conversation.resume();
    expect(talk.transport.last.isPaused).toBe(false);
  });
});

test('a ChatGPT login never goes to another kind of provider, whatever becomes of its own', () => {
  const client = { ...CLIENT, headers: [{ name: 'chatgpt-account-id', value: 'a' }] };
  const talk = talkWith([{ dialect: 'ChatGPT' }, {}], { client });
  talk.ask({});
  talk.transport.last.refuse(503, { message: 'busy' });
  expect(talk.transport.attempts.map(({ request }) => request.provider.name)).toEqual(['a']);
  expect(talk.facts).toContainEqual(
    expect.objectContaining({ kind: 'turn.failover-denied', reason: 'nowhere' }),
  );
});

describe('an error of a provider on a WebSocket', () => {
  test('comes behind what was said before it', () => {
    const talk = talkWith([{ transport: 'WebSocket' }]);
    talk.ask({});
    const error = { type: 'usage_limit_reached', message: 'enough' };
    talk.transport.last.event({ type: 'codex.rate_limits' }).event({ type: 'error', status: 429, error });
    expect(talk.types()[0]).toBe('codex.rate_limits');
    expect(talk.errors()).toHaveLength(1);
  });

  test('never repeats the bridge’s own key', () => {
    const auth = { type: 'APIKey', header: 'authorization', key: new Secret('sk-secret-of-ours') } as never;
    for (const type of ['error', 'response.failed']) {
      const talk = talkWith([{ transport: 'WebSocket', auth }]);
      talk.ask({});
      const error = { code: 'bad', message: 'sk-secret-of-ours is for another project' };
      talk.transport.last.event({ type, status: 400, error, response: { id: 'r', error } });
      expect(talk.sent).toHaveLength(1);
      expect(JSON.stringify(talk.sent)).not.toContain('sk-secret-of-ours');
    }
  });
});
