/** What became of spans: counted by whoever exports them, shown by metrics. */
export interface SpanStats {
  readonly exported: number;
  /** Lost because too many were waiting. */
  readonly dropped: number;
  /** Lost because the receiver refused them or could not be reached, after all retries. */
  readonly failed: number;
  /** Waiting now. */
  readonly queued: number;
}

/** Where there are no traces. */
export const NO_SPANS: SpanStats = { exported: 0, dropped: 0, failed: 0, queued: 0 };
