/** What is in an image: its configuration and the files that its layers leave, with owners and modes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';

export interface ImageFile {
  /** Without a slash at its beginning; the root itself is empty. */
  readonly path: string;
  /** As `ls` shows it: `drwxr-xr-x`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
}

export interface ImageConfig {
  readonly architecture: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Volumes?: object;
  };
}

/** Owned by whoever opened it: layers lie unpacked in a temporary folder. */
export interface OpenedImage extends AsyncDisposable {
  readonly config: ImageConfig;
  /** The last layer that has a file decides. */
  readonly files: ReadonlyMap<string, ImageFile>;
  /** Of one file, as text. @throws Error when no layer has it. */
  read(path: string): Promise<string>;
}

/** Reads a docker-archive. @throws Error when it is none, or a layer takes away what another brought. */
export async function openImage(archive: string): Promise<OpenedImage> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-layers-'));
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await tar(['-xf', archive, '-C', folder]);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      readonly Config: string;
      readonly Layers: readonly string[];
    }[];
    const [image] = manifest;
    if (image === undefined || manifest.length !== 1)
      throw new Error(`${archive} is not an archive of one image`);
    const files = new Map<string, ImageFile>();
    const layers = new Map<string, string>();
    for (const layer of image.Layers.map((name) => join(folder, name))) {
      for (const file of await filesOf(layer)) {
        if (/(^|\/)\.wh\./.test(file.path)) throw new Error(`${file.path} hides files of other layers`);
        files.set(file.path, file);
        layers.set(file.path, layer);
      }
    }
    return {
      config: JSON.parse(await readFile(join(folder, image.Config), 'utf8')) as ImageConfig,
      files,
      async read(path) {
        const layer = layers.get(path);
        if (layer === undefined) throw new Error(`${archive} has no file ${path}`);
        return tar(['-xOf', layer, path]);
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Lines of `tar -tv`: mode, owner, bytes, date, time, name, and where a link leads to. */
const line =
  /^(?<mode>\S{10}) (?<uid>\d+)\/(?<gid>\d+) +(?<bytes>\d+) \S+ \S+ (?<name>.*?)(?: -> .*| link to .*)?$/;

async function filesOf(layer: string): Promise<readonly ImageFile[]> {
  const text = await tar(['--numeric-owner', '--quoting-style=literal', '-tvf', layer]);
  return text
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => {
      const found = line.exec(row)?.groups;
      if (found === undefined) throw new Error(`tar lists ${row}, and this reader does not know that form`);
      const { mode = '', uid, gid, bytes, name = '' } = found;
      const path = name.replace(/^\.?\//, '').replace(/\/$/, '');
      return { path, mode, uid: Number(uid), gid: Number(gid), bytes: Number(bytes) };
    });
}

function tar(args: readonly string[]): Promise<string> {
  return mustRun('tar', args, { env: { ...process.env, LC_ALL: 'C' } });
}
