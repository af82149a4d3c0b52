// SPDX-License-Identifier: Apache-2.0
// Small JSON files: caches, notes, package.json.
import type { z } from 'zod';
import { readRegularFileSync } from './files/regular-file.js';
import { parseJson } from './json.js';

/** Bytes. */
const MAX_JSON = 64 << 20;

/** Returns what the file contains; null if it is missing, is no regular file, is not JSON or does not fit. */
export function readJson<S extends z.ZodType>(path: string, schema: S): z.output<S> | null {
  let text: string;
  try {
    text = readRegularFileSync(path, { maxBytes: MAX_JSON }).toString('utf8');
  } catch {
    return null;
  }
  return parseJson(text, schema);
}
