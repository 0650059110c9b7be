/** A certificate and its key, as the two files of a Secret of type `kubernetes.io/tls` hold them. Pure. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** As cert-manager and `kubectl create secret tls` name them. */
export const CERTIFICATE_ENTRY = 'tls.crt';
export const KEY_ENTRY = 'tls.key';

/** What a TLS server needs, checked. */
export interface TlsPair {
  /** PEM: the server's own certificate first, then those that lead to its CA. */
  readonly cert: Buffer;
  /** PEM. Goes nowhere but into TLS. */
  readonly key: Buffer;
  /** When the server's own certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** When it begins to be valid. */
  readonly startsAtMs: number;
}

export type TlsPairSight =
  | { readonly kind: 'pair'; readonly pair: TlsPair }
  /** `reason`: which file, what is wrong with it, and what to do. Nothing of the key is in it. */
  | { readonly kind: 'broken'; readonly reason: string };

/** Where the two files are, to be named to people. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Checks that both are PEM, belong together, and would be taken by TLS. */
export function checkTlsPair(cert: Buffer, key: Buffer, files: TlsFiles): TlsPairSight {
  const own = certificateIn(cert);
  if (own === undefined) {
    return broken(
      `${files.certificate} holds no certificate: write PEM into it (-----BEGIN CERTIFICATE-----), the server's own first`,
    );
  }
  const privateKey = keyIn(key);
  if (typeof privateKey === 'string') {
    return broken(
      privateKey === 'encrypted'
        ? `${files.key} is encrypted, and nobody is there to type its passphrase: write the key without one`
        : `${files.key} holds no private key: write PEM into it (-----BEGIN PRIVATE KEY-----)`,
    );
  }
  if (!own.checkPrivateKey(privateKey)) {
    return broken(
      `${files.key} is not the key of the first certificate in ${files.certificate}: write the server's own certificate first, and the key it was made with`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    return broken(
      `${files.certificate} and ${files.key} are refused by TLS (${codeOf(error)}): renew them with a key of at least 2048 bits (RSA) or 256 (EC)`,
    );
  }
  const [startsAtMs, expiresAtMs] = [Date.parse(own.validFrom), Date.parse(own.validTo)];
  return { kind: 'pair', pair: { cert, key, startsAtMs, expiresAtMs } };
}

function broken(reason: string): TlsPairSight {
  return { kind: 'broken', reason };
}

/** The first of the file. */
function certificateIn(pem: Buffer): X509Certificate | undefined {
  try {
    return pem.includes('-----BEGIN') ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined; // why OpenSSL could not read it helps nobody
  }
}

function keyIn(pem: Buffer): KeyObject | 'encrypted' | 'none' {
  try {
    return createPrivateKey(pem);
  } catch {
    // the error's text is not looked at: it may quote what it could not read
    return pem.includes('ENCRYPTED') ? 'encrypted' : 'none';
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no code';
}
