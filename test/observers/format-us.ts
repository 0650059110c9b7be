/** Microseconds in three digits, in the unit that an engineer would say: `87 µs`, `22.4 ms`, `4.20 s`. */
export function formatUs(us: number): string {
  if (us < 999.5) return `${Math.round(us)} µs`;
  return us < 999_500 ? `${threeDigits(us / 1_000)} ms` : `${threeDigits(us / 1_000_000)} s`;
}

function threeDigits(value: number): string {
  const wholeDigits = Math.round(value).toString().length;
  return value.toFixed(Math.max(0, 3 - wholeDigits));
}
