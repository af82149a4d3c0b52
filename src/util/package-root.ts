// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | null = null;

/** Returns the project's folder, for the bundle in dist/ as well as for the sources. */
export function packageRoot(): string {
  if (found !== null) return found;
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (isRoot(dir)) return (found = dir);
    if (dirname(dir) === dir) throw new Error('no folder above this code is that of liveupdate-lab');
  }
}

function isRoot(dir: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { name?: string }).name === 'liveupdate-lab';
  } catch {
    return false;
  }
}
