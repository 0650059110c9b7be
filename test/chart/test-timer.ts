/** How long the steps of a story took: told in the log of the run, and kept out of what is judged. */
export interface TestTimer {
  /** Runs a step, and keeps how long it took if it succeeds. */
  time<T>(step: string, work: () => Promise<T>): Promise<T>;
  /** One line, to standard error. */
  report(): void;
}

export function testTimer(title: string): TestTimer {
  const taken: string[] = [];
  return {
    async time(step, work) {
      const began = performance.now();
      const result = await work();
      taken.push(`${step} ${((performance.now() - began) / 1_000).toFixed(1)} s`);
      return result;
    },
    report: () => void process.stderr.write(`${title}: ${taken.join(', ')}\n`),
  };
}
