// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readJson } from './read-json.js';

let found: string | null = null;

/** Returns the project's folder, for the bundle in dist/ as well as for the sources. */
export function packageRoot(): string {
  if (found !== null) return found;
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (isPackageRoot(dir)) return (found = dir);
    if (dirname(dir) === dir) throw new Error('no folder above this code is that of liveupdate-lab');
  }
}

/** The folder's package.json is the lab's own. */
export function isPackageRoot(dir: string): boolean {
  return readJson(join(dir, 'package.json'), z.object({ name: z.literal('liveupdate-lab') })) !== null;
}
