/** A JSON object whose fields nobody has looked at yet. */
export interface JsonObject {
  [key: string]: unknown;
}

/** The bytes as a JSON object; undefined for everything else, broken JSON included. */
export function parseJsonObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Not JSON is an answer here, not a failure: the caller decides what it means.
  }
}

/** Is this a JSON object, as opposed to an array, null or a scalar? */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
