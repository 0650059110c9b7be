import { isJsonObject } from '../json/json-object.ts';

const COUNTS = ['input_tokens', 'output_tokens', 'total_tokens'] as const;
const DETAILS = ['input_tokens_details', 'output_tokens_details'] as const;

/**
 * May this `usage` go to a client? Absent and null may; else all three counts are numbers and the details, where
 * given, are objects or null. Older builds of the strictest client abort a turn over anything else.
 */
export function isWellFormedUsage(usage: unknown): boolean {
  if (usage === undefined || usage === null) {
    return true;
  }
  if (!isJsonObject(usage)) {
    return false;
  }
  return (
    COUNTS.every((key) => Number.isFinite(usage[key])) &&
    DETAILS.every((key) => usage[key] === undefined || usage[key] === null || isJsonObject(usage[key]))
  );
}
