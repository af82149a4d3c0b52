// SPDX-License-Identifier: Apache-2.0
// A store in a folder. Files are written beside their place and renamed, so that two writers never mix their bytes: the
// name of an object is its content, and an index entry is whole whichever writer was last.
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { LabError, messageOf } from '../../util/errors.js';
import type { Backend } from './backend.js';
import { bounded } from './bounded.js';

const isMissing = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

export function folderBackend(folder: string): Backend {
  return {
    label: folder,
    async fetch(path, to, limits) {
      try {
        await stat(folder);
      } catch (error) {
        throw new LabError(`cannot read the folder: ${messageOf(error)}`, { cause: error });
      }
      try {
        await pipeline(createReadStream(join(folder, path)), bounded(limits), createWriteStream(to), {
          signal: limits.signal,
        });
      } catch (error) {
        if (isMissing(error)) return 'missing';
        throw error;
      }
      return 'found';
    },
    async send(from, path, signal) {
      const to = join(folder, path);
      const beside = join(dirname(to), `.${basename(to)}.${randomBytes(6).toString('hex')}`);
      await mkdir(dirname(to), { recursive: true });
      signal.throwIfAborted();
      try {
        await copyFile(from, beside);
        await rename(beside, to);
      } finally {
        await rm(beside, { force: true });
      }
    },
    async size(path) {
      return (await stat(join(folder, path)).catch(() => null))?.size ?? null;
    },
  };
}
