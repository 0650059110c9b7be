/** What plain HTTP sees: the checks that Codex's own doctor makes, and the way clients fall back to. */
import { askHttp } from './http-request.ts';
import { httpTurn } from './http-turn.ts';
import { toDurationText } from './printable.ts';
import { type Refusal, withTimeout } from './probe-fault.ts';
import { refusalRemedy } from './remedy.ts';
import { toHeaders, toHttpBody } from './turn-request.ts';
import { type DoctorTarget, fail, ok, type Step, warn } from './doctor-step.ts';
import { judgeTurn, TURN_TEXT } from './turn-judgement.ts';

/** Codex sends it without authorization and is content with everything that is neither 404 nor a server's error. */
export const headStep: Step = {
  name: 'HEAD',
  needs: 'reachable',
  run: async (target) => {
    const answer = await ask(target, 'HEAD', target.endpoint.httpUrl, undefined);
    const { status } = answer;
    const saw = `HEAD …/responses is answered with ${status}`;
    return status === 404 || (status >= 300 && status < 400) || status >= 500
      ? fail(saw, refusalRemedy(answer, 'request'))
      : ok(saw);
  },
};

/** A person's browser, a health check. 426 with a JSON error says best what this address is for. */
export const plainGetStep: Step = {
  name: 'GET',
  needs: 'reachable',
  run: async (target) => {
    const answer = await ask(target, 'GET', target.endpoint.httpUrl, undefined);
    const { status } = answer;
    const saw = `a plain GET is answered with ${status}`;
    if (status === 426) {
      return isJson(answer)
        ? ok(`${saw} and a JSON error`)
        : warn(`${saw}, but not in JSON`, 'a proxy replaces the bridge’s answer: let 4xx pass as they are');
    }
    if (status === 404 || status >= 500) return fail(saw, refusalRemedy(answer, 'request'));
    if (status === 400 || status === 401 || status === 403 || status === 405) return ok(saw);
    return warn(
      `${saw}, where a bridge says 426`,
      refusalRemedy(answer, 'request') ?? 'check that the URL leads to the bridge and not to another service',
    );
  },
};

export const fallbackStep: Step = {
  name: 'HTTP fallback',
  needs: 'reachable',
  run: (target) => {
    const signal = withTimeout(target.signal, target.turnTimeoutMs);
    const body = toHttpBody({ model: target.model, text: TURN_TEXT });
    const startedAt = performance.now();
    const events = httpTurn({ url: target.endpoint.httpUrl, key: target.key, body, signal });
    return judgeTurn(events, { transport: 'http', startedAt, model: target.model });
  },
};

export const modelsStep: Step = {
  name: 'models',
  needs: 'reachable',
  run: async (target) => {
    const startedAt = performance.now();
    const answer = await ask(target, 'GET', target.endpoint.modelsUrl, target.key);
    const { status } = answer;
    const saw = `GET …/models is answered with ${status} (${toDurationText(performance.now() - startedAt)})`;
    if (status === 200) return isJson(answer) ? ok(saw) : warn(`${saw}, but not in JSON`, undefined);
    if (status === 404)
      return warn(
        saw,
        'codex doctor calls this a failure, turns do not need it: keep /models in relay.paths of the route, if the provider has it',
      );
    return warn(saw, refusalRemedy(answer, 'request'));
  },
};

function ask(target: DoctorTarget, method: string, url: URL, key: string | undefined): Promise<Refusal> {
  const signal = withTimeout(target.signal, target.stepTimeoutMs);
  return askHttp({ method, url, headers: toHeaders(key), signal });
}

function isJson({ body }: Refusal): boolean {
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}
