/** The page's own files: read when somebody looks for the first time, and kept; some 40 KiB. */
import { readFile } from 'node:fs/promises';

export interface PageAsset {
  readonly type: string;
  readonly body: Buffer;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** By path. Nothing else of the disk can be asked for. */
const FILES: ReadonlyMap<string, { readonly file: string; readonly type: string }> = new Map([
  ['/', { file: 'page.html', type: 'text/html; charset=utf-8' }],
  ['/page/page.css', { file: 'page.css', type: 'text/css; charset=utf-8' }],
  ['/page/icon.svg', { file: 'icon.svg', type: 'image/svg+xml' }],
  ...['page.js', 'turn-table.js', 'turn-details.js', 'waterfall.js', 'panels.js', 'elements.js'].map(
    (file) => [`/page/${file}`, { file, type: JAVASCRIPT }] as const,
  ),
]);

export const ASSET_PATHS: ReadonlySet<string> = new Set(FILES.keys());

export class PageAssets {
  readonly #read = new Map<string, Promise<PageAsset>>();

  /** @returns undefined for a path that is not one of {@link ASSET_PATHS}. Rejects when its file cannot be read. */
  async get(path: string): Promise<PageAsset | undefined> {
    const entry = FILES.get(path);
    if (entry === undefined) return undefined;
    let asset = this.#read.get(path);
    if (asset === undefined) {
      asset = read(entry.file, entry.type);
      this.#read.set(path, asset);
      asset.catch(() => this.#read.delete(path)); // another time it may be there
    }
    return asset;
  }
}

async function read(file: string, type: string): Promise<PageAsset> {
  return { type, body: await readFile(new URL(`./assets/${file}`, import.meta.url)) };
}
