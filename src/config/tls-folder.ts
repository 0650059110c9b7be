/** A certificate and its key as a mounted folder: a Secret of type `kubernetes.io/tls`, or two files written by hand. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { foldersOfMount, readMountedFile } from './mounted-file.ts';
import { PolledLook, type Look } from './polled-look.ts';
import { CERTIFICATE_ENTRY, checkTlsPair, KEY_ENTRY, type TlsFiles, type TlsPairSight } from './tls-pair.ts';

/** A chain is some kilobytes; a Secret cannot hold more than this either. */
const MAX_FILE_BYTES = 1_048_576;
/** Between the two looks of the start: a mount is swapped between the reads of its files, rarely. */
const SECOND_LOOK_MS = 50;

export interface TlsFolderOptions {
  readonly path: string;
  /** What the files say from now on. Not called for what `open` gave, nor for equal content. */
  onSight(sight: TlsPairSight): void;
  readonly pollMs?: number;
}

/** Looks at `tls.crt` and `tls.key` of a folder for as long as it is open. A change counts after two equal looks. */
export class TlsFolder {
  readonly #look: () => Promise<Look<TlsPairSight>>;
  readonly #polled: PolledLook<TlsPairSight>;

  constructor(options: TlsFolderOptions) {
    const files = {
      certificate: join(options.path, CERTIFICATE_ENTRY),
      key: join(options.path, KEY_ENTRY),
    };
    let last: Look<TlsPairSight> | undefined;
    this.#look = async () => (last = await lookAt(options.path, files, last));
    this.#polled = new PolledLook({
      look: this.#look,
      onSight: (sight) => options.onSight(sight),
      pollMs: options.pollMs,
    });
  }

  /** What is there now. What looks broken is looked at once more: it may have been about to be swapped. */
  async open(): Promise<TlsPairSight> {
    const first = await this.#look();
    if (first.sight.kind === 'broken') await delay(SECOND_LOOK_MS);
    return this.#polled.open();
  }

  /** Nothing is told after it has been called. A look under way is not waited for. May be called twice. */
  async close(): Promise<void> {
    this.#polled.close();
  }
}

/** Never rejects. What is as it was `last` is not parsed again: a look each second, for as long as a process lives. */
async function lookAt(
  path: string,
  files: TlsFiles,
  last: Look<TlsPairSight> | undefined,
): Promise<Look<TlsPairSight>> {
  const folders = await foldersOfMount(path, files.certificate);
  const [certificate, key] = await Promise.all([readEntry(files.certificate), readEntry(files.key)]);
  const reason = [certificate, key].find((entry) => typeof entry === 'string');
  if (typeof certificate === 'string' || typeof key === 'string') {
    return { sight: { kind: 'broken', reason: String(reason) }, digest: String(reason), folders };
  }
  // never the bytes themselves: a digest may be kept, a key only where TLS needs it
  const digest = createHash('sha256').update(certificate).update('\0').update(key).digest('base64');
  const sight = digest === last?.digest ? last.sight : checkTlsPair(certificate, key, files);
  return { sight, digest, folders };
}

/** The file's bytes, or why there are none. */
async function readEntry(file: string): Promise<Buffer | string> {
  const found = await readMountedFile(file, MAX_FILE_BYTES);
  switch (found.kind) {
    case 'read':
      return found.bytes;
    case 'missing':
      return `${file} is not there: name a folder that holds ${CERTIFICATE_ENTRY} and ${KEY_ENTRY}, such as a mounted Secret of type kubernetes.io/tls`;
    case 'too-large':
      return `${file} is larger than ${MAX_FILE_BYTES} bytes: write PEM of one certificate chain, or one key, into it`;
    case 'unreadable':
      return `${file} cannot be read (${found.code}): ${
        found.code === 'EACCES' || found.code === 'EPERM'
          ? 'give this user the right to read it'
          : `name a folder that holds the files ${CERTIFICATE_ENTRY} and ${KEY_ENTRY}`
      }`;
  }
}
