import { RunFailed } from './child.ts';

interface Fetched {
  readonly status: number;
  readonly text: string;
}

/** Asks one of this run's own processes. @throws RunFailed where it does not answer to the end */
export async function fetched(url: string): Promise<Fetched> {
  try {
    const response = await fetch(url);
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    throw new RunFailed(`${url} did not answer`, { cause });
  }
}
