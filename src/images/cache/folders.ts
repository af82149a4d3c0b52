// SPDX-License-Identifier: Apache-2.0
// What lies in the folders of the cache.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Finished entries of a folder; none if it is not there. */
export function folders(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}

export function bytesIn(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) => sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}
