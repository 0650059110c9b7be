/** Whether a mapping in a script file is one of headers. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { refuse, shown, string } from './field.ts';
import type { Field } from './field.ts';
import { isObject } from './request-view.ts';

/** Notes every header that HTTP cannot carry. */
export function checkHeaders(headers: Field): void {
  if (!isObject(headers.value)) {
    refuse(headers, `headers are a mapping, not ${shown(headers.value)}: write { x-name: "value" }`);
    return;
  }
  for (const [name, value] of Object.entries(headers.value)) {
    const field = { ...headers, value, path: [...headers.path, name] };
    const text = string(field, { mayBeEmpty: true });
    if (text === undefined) continue;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, text);
    } catch {
      refuse(
        field,
        'HTTP cannot carry this header: names are letters, digits and hyphens, values have no line breaks',
      );
    }
  }
}
