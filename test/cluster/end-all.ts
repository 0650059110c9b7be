/** The end of what a test file has made: what is left of one file is in the way of the next. */

/**
 * Does one after the other, whatever becomes of those before.
 * @throws AggregateError of all that failed, when everything was tried.
 */
export async function endAll(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const work of works) {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
}
