// SPDX-License-Identifier: Apache-2.0
// Writes a definition that adds configuration lines to another one. It lies in the cache, named by its content.
import { join } from 'node:path';
import { keyOf } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { replaceFile } from '../../util/replace-file.js';

/**
 * Writes the definition.
 * @param base path of a definition
 * @param lines of a configuration fragment
 * @returns path of the new definition
 */
export function writeVariant(base: string, name: string, lines: readonly string[], work: Workspace): string {
  const key = keyOf([base, lines]).slice(0, 8);
  const folder = join(work.cache.dir, 'variants');
  replaceFile(join(folder, `${key}.config`), `${lines.join('\n')}\n`);
  const file = join(folder, `${name}-${key}.yaml`);
  replaceFile(
    file,
    [
      `description: ${JSON.stringify(lines.join(' ').slice(0, 200))}`,
      `base: ${JSON.stringify(base)}`,
      `config: [./${key}.config]`,
      'build: on-demand',
      '',
    ].join('\n'),
  );
  return file;
}
