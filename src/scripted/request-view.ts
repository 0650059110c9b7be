/** What scripts and rules want to know of a request's body. Nothing here throws, whatever the body holds. */
import type { RequestBody } from './recorded-request.ts';
import type { JsonObject } from './script.ts';

/** Whether a value is a JSON object: not null, not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The request's model, or an empty string. */
export function modelOf(body: RequestBody): string {
  return typeof body.model === 'string' ? body.model : '';
}

/** The input as a list: a plain string counts as one user message; what is no object is left out. */
export function inputItems(body: RequestBody): readonly JsonObject[] {
  if (typeof body.input === 'string') return [{ type: 'message', role: 'user', content: body.input }];
  return Array.isArray(body.input) ? body.input.filter(isObject) : [];
}

/** `type` of an item; those without one are messages. */
export function itemType(item: JsonObject): string {
  return typeof item['type'] === 'string' ? item['type'] : 'message';
}

/** `type` of the last input item, or an empty string when there is none. */
export function lastItemType(body: RequestBody): string {
  const last = inputItems(body).at(-1);
  return last === undefined ? '' : itemType(last);
}

/** The text of an item's `content` or `output`: a string, or its parts' texts joined. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

/** Text of the last user message, or an empty string. */
export function lastUserText(body: RequestBody): string {
  const last = inputItems(body).findLast((item) => item['role'] === 'user');
  return last === undefined ? '' : textOf(last['content']);
}

/** The output of the last tool call that was answered since the user spoke; undefined when there is none. */
export function lastToolOutput(body: RequestBody): string | undefined {
  const items = inputItems(body);
  const user = items.findLastIndex((item) => item['role'] === 'user');
  const output = items.findLast((item) => itemType(item).endsWith('_call_output'));
  if (output === undefined || items.lastIndexOf(output) < user) return undefined;
  return textOf(output['output']);
}

/** Every tool the request offers: its own list, that of `additional_tools` items, and those inside namespaces. */
export function offeredTools(body: RequestBody): readonly OfferedTool[] {
  const lists = [
    body.tools,
    ...inputItems(body)
      .filter((item) => itemType(item) === 'additional_tools')
      .map((item) => item['tools']),
  ];
  return lists.flatMap((list) => toolsIn(list, undefined));
}

export interface OfferedTool {
  /** `function`, `custom`, or what else the tool calls itself. */
  readonly type: string;
  readonly name: string;
  readonly description: string;
  readonly namespace: string | undefined;
}

function toolsIn(list: unknown, namespace: string | undefined): readonly OfferedTool[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).flatMap((tool): readonly OfferedTool[] => {
    const { type, name, description } = tool;
    if (type === 'namespace' && namespace === undefined) return toolsIn(tool['tools'], String(name));
    if (typeof type !== 'string' || typeof name !== 'string') return [];
    return [{ type, name, description: typeof description === 'string' ? description : '', namespace }];
  });
}
