// SPDX-License-Identifier: Apache-2.0
// Which lab this is: its version, and a hash of everything that can change a result.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LabError } from '../../util/errors.js';
import { readJson } from '../../util/read-json.js';
import { packageRoot } from '../../util/package-root.js';

export function labVersion(): string {
  return versionIn(packageRoot());
}

/** Returns the version that the package.json of a folder states. */
export function versionIn(dir: string): string {
  const path = join(dir, 'package.json');
  const about = readJson(path, z.object({ version: z.string() }));
  if (about === null)
    throw new LabError(`${path} states no version`, { hint: 'install the lab again: its files are incomplete' });
  return about.version;
}

let identity: string | null = null;

/**
 * The version and a hash of the lab's code, its agent and its image definitions. Two labs with the same identity get
 * the same results.
 */
export function labIdentity(): string {
  if (identity !== null) return identity;
  const hash = createHash('sha256');
  const code = dirname(fileURLToPath(import.meta.url));
  const isBundled = code.startsWith(join(packageRoot(), 'dist'));
  const folders = [isBundled ? 'dist' : 'src', 'lab', 'images'].map((name) => join(packageRoot(), name));
  for (const folder of folders) {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const file of files)
      hash.update(file.slice(folder.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return (identity = `${labVersion()}+${hash.digest('hex').slice(0, 12)}`);
}
