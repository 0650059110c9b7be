import { RunFailed } from './child.ts';

/** A request to one of this run's own processes. @throws RunFailed where it does not answer */
export async function fetched(url: string): Promise<Response> {
  try {
    return await fetch(url);
  } catch (cause) {
    throw new RunFailed(`${url} did not answer`, { cause });
  }
}
