// SPDX-License-Identifier: Apache-2.0
// Writes to a temporary file and renames it. A reader sees the old content or the new, and a writer that dies leaves
// the old.
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface ReplaceOptions {
  /** Permissions of the new file. */
  mode?: number;
}

/** Replaces a file, and creates its folder if needed. Throws the system's error. */
export function replaceFile(path: string, data: string | Uint8Array, options: ReplaceOptions = {}): void {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(3).toString('hex')}`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, data, options);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
