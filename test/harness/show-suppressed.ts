/**
 * When a test fails and what it opened with `await using` then fails to close, the language makes one error of the two
 * and jest prints neither. As its cause jest prints both.
 */
const { prototype } = SuppressedError;

Object.defineProperty(prototype, 'cause', {
  get(this: SuppressedError) {
    return new AggregateError([this.suppressed, this.error], 'both errors follow: the first one came first');
  },
});
