/** For npm where a test is about what it installs, and not about the network. */

/** A registry that is away for three minutes is waited for; npm's own are a little more than one. */
export const patientNpm = ['--fetch-retries', '5', '--fetch-retry-factor', '2'] as const;
