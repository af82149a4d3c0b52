// SPDX-License-Identifier: Apache-2.0
// Small JSON files: caches, notes, package.json.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { parseJson } from './json.js';

/** Returns what the file contains; null if it is missing, is not JSON or does not fit the schema. */
export function readJson<S extends z.ZodType>(path: string, schema: S): z.output<S> | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  return parseJson(text, schema);
}
