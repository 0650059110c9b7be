import { isParsable } from './value-count.ts';

/** A JSON object whose fields nobody has looked at yet. */
export interface JsonObject {
  [key: string]: unknown;
}

/** The bytes as any JSON value; undefined when they are none, or too many values to be held (see `MAX_VALUES`). */
export function parseJson(bytes: Buffer): unknown {
  if (!isParsable(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined; // Not JSON is an answer here, not a failure: the caller decides what it means.
  }
}

/** The bytes as a JSON object; undefined for everything else, broken and enormous JSON included. */
export function parseJsonObject(bytes: Buffer): JsonObject | undefined {
  const value = parseJson(bytes);
  return isJsonObject(value) ? value : undefined;
}

/** Is this a JSON object, as opposed to an array, null or a scalar? */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
