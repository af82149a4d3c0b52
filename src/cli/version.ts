// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../util/package-root.js';

export function labVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}

let identity: string | null = null;

/**
 * The version and a hash of this lab's code and of what it makes machines of: two labs of one identity come to the same
 * results.
 */
export function labIdentity(): string {
  if (identity !== null) return identity;
  const hash = createHash('sha256');
  const code = dirname(fileURLToPath(import.meta.url));
  const bundle = code.startsWith(join(packageRoot(), 'dist'));
  for (const folder of [
    bundle ? join(packageRoot(), 'dist') : join(packageRoot(), 'src'),
    join(packageRoot(), 'lab'),
    join(packageRoot(), 'images'),
  ]) {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const file of files)
      hash.update(file.slice(folder.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return (identity = `${labVersion()}+${hash.digest('hex').slice(0, 12)}`);
}
