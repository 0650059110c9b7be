/** A wrong value is told by the name under which it was given: who set a variable never wrote the flag. */
import { describe, expect, test } from '@jest/globals';
import { BRIDGE_FLAGS, type FlagName } from '../../cmd/bridge-flag-table.ts';
import { variableOf } from '../../cmd/flag-reader.ts';
import { parseBridgeFlags } from '../../cmd/bridge-flags.ts';
import { UsageError } from '../../cmd/exits.ts';

const ROUTES = ['--routes', 'x'];
/** Wrong for every flag that is checked. */
const WRONG = '???';
/** Any text will do for these. */
const UNCHECKED: readonly FlagName[] = ['routes', 'snapshot-dir', 'tls-dir'];
const checked = (Object.keys(BRIDGE_FLAGS) as FlagName[]).filter((name) => !UNCHECKED.includes(name));

describe.each(checked)('a wrong --%s', (name) => {
  const variable = variableOf(name);

  test('is told as the flag where it was one', () => {
    const parse = () => parseBridgeFlags([...ROUTES, `--${name}`, WRONG], { [variable]: WRONG });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^--${name}[ :]`));
  });

  test('is told as the variable where it came from there', () => {
    const parse = () => parseBridgeFlags(ROUTES, { [variable]: WRONG });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^${variable}[ :]`));
    expect(parse).not.toThrow(new RegExp(`--${name}`));
  });
});
