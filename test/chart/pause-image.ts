/** The image that a kubelet needs for every pod. */
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDockerArchive } from './docker-archive.ts';
import { pauseImage } from './node-files.ts';

/** @param binary static. @returns the path of the archive. */
export async function writePauseImage(folder: string, binary: string): Promise<string> {
  const path = join(folder, 'pause.tar');
  await writeDockerArchive({
    path,
    name: pauseImage,
    entrypoint: ['/pause'],
    user: '65535:65535',
    async fill(root) {
      await copyFile(binary, join(root, 'pause'));
      await chmod(join(root, 'pause'), 0o755);
    },
  });
  return path;
}
