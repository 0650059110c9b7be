/** Where the API server is, and who we are to it. */

export interface KubeCredentials {
  /** `https://10.0.0.1:6443`, with a path in front of all others if there is one. */
  readonly server: string;
  /** `authorization`, `impersonate-user`. Secret: in no message, log or fact. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeTls;
  /** An HTTP proxy on the way. */
  readonly proxyUrl?: string | undefined;
}

/** As `tls.connect` takes them. */
export interface KubeTls {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Credentials change while the process lives: tokens are rotated, certificates run out. */
export interface CredentialSource {
  /** Those to use now, as a rule from memory. @throws Error with a sentence when they cannot be read. */
  current(): Promise<KubeCredentials>;
  /** These were refused (401): reads them anew, unless somebody has already. */
  renew(refused: KubeCredentials): Promise<KubeCredentials>;
}
