// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDiskFull, LabError, messageOf } from '../util/errors.js';

/** Writes a file whole or not at all; makes the folder that it lies in. Throws a LabError where that cannot be. */
export function writeWhole(path: string, text: string | Uint8Array): void {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(3).toString('hex')}`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, text);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new LabError(`${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
      hint: isDiskFull(error) ? 'free some space, or choose another place' : null,
    });
  }
}
