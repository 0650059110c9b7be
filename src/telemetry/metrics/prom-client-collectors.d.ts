// The library's own process collectors, one by one. Its collectDefaultMetrics() would also start an event loop
// monitor and a GC observer that nothing can stop and whose numbers are misleading (every second collection is lost).
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client';

  const collect: (registry: Registry) => void;
  // The library's modules are CommonJS: what they export is the default of an import.
  export { collect as default };
}
