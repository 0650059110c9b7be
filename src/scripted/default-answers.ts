/** What a scripted provider says where no rule speaks: the models it has, a compaction, and refusals. */
import { pathEnds } from './choose-answer.ts';
import type { RecordedRequest } from './recorded-request.ts';
import { inputItems } from './request-view.ts';
import { countedUsage } from './response-object.ts';
import type { Answer, JsonObject } from './script.ts';
import { builtInScripts } from './scripts.ts';

/** Any fixed day: answers are the same in every run. */
const modelsCreatedAt = 1_760_000_000;

/** The answer to a request that no rule of the script is about. */
export function defaultAnswer(request: RecordedRequest): Answer {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && pathEnds(request, '/models')) return json(200, models());
  if (request.method === 'POST' && pathEnds(request, '/responses/compact'))
    return json(200, compacted(request));
  if (pathEnds(request, '/responses')) {
    return refusal(405, `${request.method} is not served here: send POST`, { allow: 'POST' });
  }
  return refusal(
    404,
    `${request.method} ${request.path} is not served here: use POST …/responses, GET …/models or POST …/responses/compact`,
  );
}

function models(): JsonObject {
  const ids = ['scripted', ...[...builtInScripts.keys()].map((name) => `scripted/${name}`)];
  const data = ids.map((id) => ({ id, object: 'model', created: modelsCreatedAt, owned_by: 'scripted' }));
  return { object: 'list', data };
}

/** The user's messages stay, everything else becomes one opaque item. */
function compacted(request: RecordedRequest): JsonObject {
  const suffix = String(request.number).padStart(4, '0');
  return {
    id: `resp_${suffix}`,
    object: 'response.compaction',
    created_at: modelsCreatedAt,
    output: [
      ...inputItems(request.body).filter((item) => item['role'] === 'user'),
      { id: `cmp_${suffix}`, type: 'compaction', encrypted_content: 'scripted-compaction' },
    ],
    usage: countedUsage(request.rawBody.byteLength, 0, 0),
  };
}

function json(code: number, body: JsonObject): Answer {
  return { status: { code, body } };
}

function refusal(code: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const error = { message, type: 'invalid_request_error', param: null, code: null };
  return { status: { code, headers, body: { error } } };
}
