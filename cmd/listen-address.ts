import type { HostAndPort } from '../src/bridge.ts';
import { UsageError } from './exits.ts';

/**
 * `127.0.0.1:8787`, `[::1]:8787`, `localhost:0`.
 * @param name What the person wrote: `--listen`, or the environment variable.
 * @param usual What it is by default: the example in the error.
 * @throws UsageError
 */
export function parseListen(name: string, text: string, usual: string): HostAndPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    const overIpv6 = usual.replace(/^.*:/, '[::1]:');
    throw new UsageError(`${name} is HOST:PORT, not "${text}": write ${usual}, or ${overIpv6}`);
  }
  return { host, port };
}
