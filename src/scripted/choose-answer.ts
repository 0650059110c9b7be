/** Which answer a request gets: what it names itself, else the first rule that applies, else `hello`. */
import { helloAnswer } from './hello.ts';
import type { RecordedRequest } from './recorded-request.ts';
import { lastItemType, lastUserText, modelOf } from './request-view.ts';
import type { Answer, AnswerFunction, AnswerLike, JsonObject, Rule, Script, Step, When } from './script.ts';
import { builtInScripts, unknownScript } from './scripts.ts';

/** Whatever may be called a script where one is asked for. A string is the name of a built-in one. */
export type ScriptLike = string | Script | Answer | readonly Step[] | AnswerFunction;

/** Chooses answers; counts how often each rule was used. */
export interface AnswerSource {
  readonly script: Script;
  /** Undefined: no rule applies and the path is not `/responses`. Never rejects: a mistake in a script is an answer 500. */
  choose(request: RecordedRequest): Promise<Answer | undefined>;
}

/** Throws RangeError for a name that is no built-in script's. */
export function openAnswerSource(like: ScriptLike): AnswerSource {
  const script = toScript(like);
  // A script made by a program answers what its author says; the client cannot choose another one.
  const isSelectable = typeof like === 'string' || isScript(like);
  const used = new Map<Rule, number>();
  return {
    script,
    async choose(request) {
      try {
        const name = isSelectable && isTurn(request) ? namedByRequest(request) : undefined;
        if (name !== undefined && !builtInScripts.has(name)) return unknownName(name);
        const chosen = name === undefined ? script : builtIn(name);
        const rule = chosen.rules.find((each) => applies(each, request, used.get(each) ?? 0));
        if (rule === undefined) {
          return isTurn(request) ? await resolve(helloAnswer(request), request, 0) : undefined;
        }
        used.set(rule, (used.get(rule) ?? 0) + 1);
        return await resolve(rule.answer, request, 0);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return scriptMistake(`The script ${script.name} could not answer: ${reason}`);
      }
    },
  };
}

/** A request that asks for a response: `POST …/responses`, or a frame that does. */
export function isTurn(request: RecordedRequest): boolean {
  return (request.method === 'POST' || request.via === 'websocket') && pathEnds(request, '/responses');
}

/** Whether a request's path, without its query, ends with a pattern. */
export function pathEnds(request: RecordedRequest, pattern: string): boolean {
  return wildcard(`*${pattern}`).test(request.path.split('?', 1)[0] ?? '');
}

function isScript(like: object): like is Script {
  return 'rules' in like;
}

function isSteps(like: object): like is readonly Step[] {
  return Array.isArray(like);
}

function toScript(like: ScriptLike): Script {
  if (typeof like === 'string') return builtIn(like);
  if (typeof like === 'function' || isSteps(like)) return { name: 'given', rules: [{ answer: like }] };
  return isScript(like) ? like : { name: 'given', rules: [{ answer: like }] };
}

function builtIn(name: string): Script {
  const found = builtInScripts.get(name);
  if (found === undefined) throw new RangeError(unknownScript(name));
  return found;
}

/** `scripted/NAME` as the model, or a last user text that begins with `script:NAME`. */
function namedByRequest({ context }: RecordedRequest): string | undefined {
  const byModel = /^scripted\/(\S+)$/.exec(modelOf(context))?.[1];
  return byModel ?? /^\s*script:([\w-]+)/.exec(lastUserText(context))?.[1];
}

/** A script may name a script that names a script; more than this is surely a circle. */
const maxNamedScripts = 8;

async function resolve(
  like: AnswerLike | AnswerFunction,
  request: RecordedRequest,
  depth: number,
): Promise<Answer> {
  if (typeof like === 'function') return resolve(await like(request), request, depth);
  if (typeof like !== 'string') return isSteps(like) ? { steps: like } : like;
  if (depth >= maxNamedScripts) throw new RangeError(`scripts name one another in a circle, at "${like}"`);
  const rule = builtIn(like).rules.find((each) => applies(each, request, 0));
  return resolve(rule === undefined ? helloAnswer(request) : rule.answer, request, depth + 1);
}

function applies(rule: Rule, request: RecordedRequest, used: number): boolean {
  if (rule.times !== undefined && used >= rule.times) return false;
  const when = rule.when ?? {};
  if (when.path === undefined ? !isTurn(request) : !pathEnds(request, when.path)) return false;
  return holds(when, request);
}

function holds(when: When, request: RecordedRequest): boolean {
  const { context: body } = request;
  const checks: readonly boolean[] = [
    when.model === undefined || wildcard(when.model).test(modelOf(body)),
    when.request === undefined || when.request === request.number,
    when.stream === undefined || when.stream === (body.stream === true || request.via === 'websocket'),
    when.lastItem === undefined || when.lastItem === lastItemType(body),
    textMatches(when.userText, lastUserText(body)),
    Object.entries(when.header ?? {}).every(([name, pattern]) => {
      const value = request.headers[name.toLowerCase()];
      return value !== undefined && wildcard(pattern).test(value);
    }),
  ];
  return checks.every(Boolean);
}

function textMatches(condition: When['userText'], text: string): boolean {
  if (condition?.contains !== undefined && !text.includes(condition.contains)) return false;
  return condition?.regex === undefined || new RegExp(condition.regex, 'u').test(text);
}

/** `*` stands for anything, everything else for itself. */
function wildcard(pattern: string): RegExp {
  const literal = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`, 's');
}

function unknownName(name: string): Answer {
  const message = unknownScript(name);
  return refusal(400, { message, type: 'invalid_request_error', param: null, code: 'unknown_script' });
}

function scriptMistake(message: string): Answer {
  return refusal(500, { message, type: 'server_error', param: null, code: 'script_mistake' });
}

function refusal(code: number, error: JsonObject): Answer {
  return { status: { code, body: { error } } };
}
