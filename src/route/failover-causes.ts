/** Why a turn may be given to another provider. */
export const FAILOVER_CAUSES = ['ConnectFailure', 'Timeout', 'RateLimited', 'ServerError'] as const;
export type FailoverCause = (typeof FAILOVER_CAUSES)[number];
