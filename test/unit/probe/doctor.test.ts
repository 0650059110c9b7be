import { afterEach, describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import type { DoctorTarget, StepResult } from '../../../src/probe/doctor-step.ts';
import { parseEndpoint } from '../../../src/probe/endpoint.ts';
import { runDoctor } from '../../../src/probe/run-doctor.ts';
import { closedUrl } from '../../harness/nowhere.ts';
import {
  type Behaviour,
  type FakeDeployment,
  goodAnswer,
  refuse,
  sendJson,
  startFakeDeployment,
} from './fake-deployment.ts';

let fake: FakeDeployment | undefined;

afterEach(async () => {
  await fake?.close();
  fake = undefined;
});

/** Examines a deployment that behaves rightly but for what is given. */
async function examine(
  behaviour: Behaviour = {},
  over: Partial<DoctorTarget> = {},
): Promise<Map<string, StepResult>> {
  fake = await startFakeDeployment(behaviour);
  const results = new Map<string, StepResult>();
  const target: DoctorTarget = {
    endpoint: parseEndpoint(fake.url),
    key: undefined,
    model: 'gpt-5.5',
    idleSeconds: undefined,
    stepTimeoutMs: 5000,
    turnTimeoutMs: 5000,
    signal: new AbortController().signal,
    ...over,
  };
  for await (const news of runDoctor(target)) if (news.kind === 'done') results.set(news.step, news.result);
  return results;
}

function statuses(results: Map<string, StepResult>): Record<string, string> {
  return Object.fromEntries([...results].map(([name, { status }]) => [name, status]));
}

const ALL_WELL = {
  name: 'skip', // an address
  connection: 'ok',
  certificate: 'skip', // plain http
  HEAD: 'ok',
  GET: 'ok',
  upgrade: 'ok',
  'warm-up': 'ok',
  turn: 'ok',
  'bad frame': 'ok',
  ping: 'ok',
  'unknown id': 'ok',
  'HTTP fallback': 'ok',
  models: 'ok',
};

describe('a deployment that behaves rightly', () => {
  test('passes every step', async () => {
    expect(statuses(await examine())).toEqual(ALL_WELL);
    const [warmUp, turn] = fake?.frames ?? [];
    expect(warmUp).toMatchObject({ type: 'response.create', generate: false });
    expect(turn).toMatchObject({ previous_response_id: 'resp_warm' });
  });

  test('may answer without ids, and is sent everything each time', async () => {
    const results = await examine({
      frame: (frame, ws) => {
        if (frame?.['generate'] !== false) return false;
        sendJson(ws, { type: 'response.completed', response: { id: '' } });
        return true;
      },
    });
    expect(statuses(results)).toEqual(ALL_WELL);
    expect(fake?.frames[1]).not.toHaveProperty('previous_response_id');
  });

  test('keeps a silent socket and pings it', async () => {
    let pings: NodeJS.Timeout | undefined;
    const results = await examine(
      {
        opened: (ws) => {
          pings = setInterval(() => ws.ping(), 5);
          ws.on('close', () => clearInterval(pings));
        },
      },
      { idleSeconds: 0.1 },
    );
    expect(results.get('silence')).toMatchObject({
      status: 'ok',
      saw: expect.stringMatching(/^alive after 0\.1 s, pings seen: [1-9]\d*$/),
    });
  });
});

describe('what is wrong is told with what to change', () => {
  test.each<[string, Behaviour, string, string, RegExp, RegExp]>([
    [
      'a path that nobody serves',
      {
        request: (request, response) => {
          if (request.method !== 'HEAD') return false;
          response.writeHead(404).end();
          return true;
        },
      },
      'HEAD',
      'fail',
      /404/,
      /match\.paths/,
    ],
    [
      'another service at this address',
      {
        request: (request, response) => {
          if (request.method !== 'GET' || request.url === '/v1/models') return false;
          response.end('<html>shop</html>');
          return true;
        },
      },
      'GET',
      'warn',
      /where a bridge says 426/,
      /base URL of the bridge/,
    ],
    [
      'no models list',
      {
        request: (request, response) => {
          if (request.url !== '/v1/models') return false;
          response.writeHead(404).end();
          return true;
        },
      },
      'models',
      'warn',
      /404/,
      /codex doctor calls this a failure/,
    ],
    [
      'a fallback that is switched off',
      {
        request: (request, response) => {
          if (request.method !== 'POST') return false;
          response.writeHead(405).end();
          return true;
        },
      },
      'HTTP fallback',
      'fail',
      /refused with 405/,
      /base URL/,
    ],
    [
      'a provider that refuses its key',
      {
        frame: (frame, ws) => {
          if (frame?.['previous_response_id'] !== 'resp_warm') return false;
          sendJson(ws, {
            type: 'error',
            status: 401,
            error: { code: 'invalid_api_key', message: 'wrong key' },
          });
          return true;
        },
      },
      'turn',
      'fail',
      /401 invalid_api_key: wrong key/,
      /the provider’s auth in the route/,
    ],
    [
      'a model that no route has',
      {
        frame: (frame, ws) => {
          if (frame?.['generate'] !== false) return false;
          sendJson(ws, { type: 'error', status: 404, error: { code: 'model_not_found', message: 'none' } });
          return true;
        },
      },
      'warm-up',
      'fail',
      /404 model_not_found/,
      /--model/,
    ],
    [
      'an error without a status',
      {
        frame: (frame, ws) => {
          if (frame !== undefined) return false;
          sendJson(ws, { type: 'error', code: 'invalid_json', message: 'no' });
          return true;
        },
      },
      'bad frame',
      'fail',
      /no status/,
      /Codex ignores/,
    ],
    [
      'a conversation that never was, continued',
      {
        frame: (frame, ws) => {
          if (frame?.['previous_response_id'] !== 'resp_doctor_unknown') return false;
          for (const event of goodAnswer('resp_3')) sendJson(ws, event);
          return true;
        },
      },
      'unknown id',
      'fail',
      /does not exist was continued/,
      /Transcript/,
    ],
  ])('%s', async (_what, behaviour, step, status, saw, change) => {
    const results = await examine(behaviour);
    expect(results.get(step)).toEqual({
      status,
      saw: expect.stringMatching(saw),
      change: expect.stringMatching(change),
    });
    const others = Object.entries(ALL_WELL).filter(([name]) => name !== step);
    expect(statuses(results)).toMatchObject(Object.fromEntries(others));
  });

  test('WebSocket switched off: the steps that need a socket are not tried, HTTP is', async () => {
    const results = await examine({
      upgrade: (_request, socket) => refuse(socket, '426 Upgrade Required', ''),
    });
    expect(statuses(results)).toMatchObject({
      upgrade: 'fail',
      'warm-up': 'skip',
      turn: 'skip',
      'unknown id': 'skip',
      'HTTP fallback': 'ok',
    });
    expect(results.get('upgrade')?.change).toMatch(/clients\.webSocket/);
  });

  test('a bad frame that costs the socket: the next step gets a new one', async () => {
    const results = await examine({
      frame: (frame, ws) => {
        if (frame !== undefined) return false;
        ws.close(1003);
        return true;
      },
    });
    expect(results.get('bad frame')).toMatchObject({
      status: 'fail',
      saw: 'the connection was closed with 1003',
    });
    expect(statuses(results)).toMatchObject({ ping: 'ok', 'unknown id': 'ok' });
  });

  test('nobody there: one step fails, the others are not tried', async () => {
    const results = await examine({}, { endpoint: parseEndpoint(`${closedUrl}/v1`) });
    const { connection, name, ...rest } = statuses(results);
    expect([connection, name]).toEqual(['fail', 'skip']);
    expect(new Set(Object.values(rest))).toEqual(new Set(['skip']));
    expect(results.get('connection')?.change).toMatch(/start the bridge/);
  });

  test('a connection that is cut when it is silent', async () => {
    const results = await examine(
      inSilence((ws) => ws.terminate()),
      { idleSeconds: 60 },
    );
    expect(results.get('silence')).toEqual({
      status: 'fail',
      saw: 'the connection was closed with 1006 after 0 s',
      change: expect.stringMatching(/proxy_read_timeout/),
    });
  });

  test('text that comes when no turn runs', async () => {
    const results = await examine(
      inSilence((ws) => sendJson(ws, { type: 'keepalive' })),
      { idleSeconds: 60 },
    );
    expect(results.get('silence')).toEqual({
      status: 'fail',
      saw: 'keepalive arrived after 0 s although no turn was running',
      change: expect.stringMatching(/nothing may be sent between turns/),
    });
  });
});

/** Does something to the socket once the last request before the silence is over and its connection closed. */
function inSilence(act: (socket: WebSocket) => void): Behaviour {
  let socket: WebSocket | undefined;
  return {
    opened: (ws) => {
      socket = ws;
    },
    request: (request) => {
      if (request.url === '/v1/models') request.socket.on('close', () => socket && act(socket));
      return false;
    },
  };
}

test('an interrupt ends the examination and closes its socket', async () => {
  const interrupt = new AbortController();
  let closed: Promise<string> | undefined;
  const examined = examine(
    {
      opened: (ws) => {
        closed = new Promise((resolve) => ws.on('close', () => resolve('closed')));
      },
      frame: () => {
        interrupt.abort();
        return true;
      },
    },
    { signal: interrupt.signal },
  );
  await expect(examined).rejects.toMatchObject({ code: 'interrupted' });
  expect(await closed).toBe('closed');
});
