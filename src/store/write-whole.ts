// SPDX-License-Identifier: Apache-2.0
import { isDiskFull, LabError, messageOf } from '../util/errors.js';
import { replaceFile } from '../util/replace-file.js';

/** Writes a file completely or not at all, and creates its folder. Throws a LabError if that fails. */
export function writeWhole(path: string, text: string | Uint8Array): void {
  try {
    replaceFile(path, text);
  } catch (error) {
    throw new LabError(`${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
      hint: isDiskFull(error) ? 'free some space, or choose another place' : null,
    });
  }
}
