/** `--NAME=VALUE` for each. */
export function toFlags(flags: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${String(value)}`);
}
