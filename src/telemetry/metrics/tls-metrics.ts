/** The certificate that clients see. */
import { CONFIG_RELOAD_RESULTS, type ConfigReloadResult } from '../names.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import type { Meter } from './meter.ts';

/** The certificate in use. */
export interface TlsNumbers {
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Whether the files as they are now are in use. */
  readonly isLastReloadGood: boolean;
}

/**
 * Registers them; the gauges show nothing where `read` gives nothing.
 * @returns what hears of each changed pair
 */
export function tlsMetrics(
  meter: Meter,
  read: () => TlsNumbers | undefined,
): (result: ConfigReloadResult) => void {
  const reloads = meter.counter(
    CATALOGUE.tlsReloads,
    CONFIG_RELOAD_RESULTS.map((result) => ({ result })),
  );
  const shown = (toValue: (numbers: TlsNumbers) => number) => () => {
    const numbers = read();
    return numbers === undefined ? [] : [{ labels: {}, value: toValue(numbers) }];
  };
  meter.readGauge(
    CATALOGUE.tlsExpiry,
    shown(({ expiresAtMs }) => expiresAtMs / 1000),
  );
  meter.readGauge(
    CATALOGUE.tlsLastReloadSuccessful,
    shown(({ isLastReloadGood }) => Number(isLastReloadGood)),
  );
  return (result) => reloads.add({ result });
}
