/** `--ca-file` of the commands that are clients: whom this process trusts beside the usual authorities. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/**
 * Trusts the authorities in the file too, for every connection of this process from now on.
 * @param path PEM, one certificate or several; undefined: nothing changes
 * @throws Error with a sentence for the person
 */
export function trustCaFile(path: string | undefined): void {
  if (path === undefined) return;
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(
      `--ca-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): name a file with the CA's certificate`,
      { cause: error },
    );
  }
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    throw new Error(
      `--ca-file: ${path} holds no certificate: write the CA's in PEM into it (-----BEGIN CERTIFICATE-----)`,
    );
  }
  setDefaultCACertificates([...getCACertificates('default'), ...certificates]);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false; // OpenSSL's reason helps nobody
  }
}
