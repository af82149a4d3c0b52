// SPDX-License-Identifier: Apache-2.0
// Writes definitions that change the configuration of another one. They lie in the cache, named by their content.
import { basename, join } from 'node:path';
import { keyOf } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { replaceFile } from '../../util/replace-file.js';
import type { KernelDefinition } from './definition.js';

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

/** Fragments for what some versions of the kernel have. A finished configuration needs them, too. */
const BY_VERSION: ReadonlySet<string> = new Set(['liveupdate', 'since-7.0']);

/**
 * Writes a definition with the source of another one, and the configuration in a file such as a distribution's.
 * @returns path of the new definition
 */
export function writeConfigVariant(base: KernelDefinition, text: string, title: string, work: Workspace): string {
  const key = keyOf([base.file, text]).slice(0, 8);
  const folder = join(work.cache.dir, 'variants');
  replaceFile(join(folder, `${key}.start`), text);
  const fragments = base.config.map((path) => basename(path, '.config')).filter((fragment) => BY_VERSION.has(fragment));
  const file = join(folder, `${base.name}-config-${key}.yaml`);
  replaceFile(
    file,
    [
      `description: ${JSON.stringify(`${base.name}, configured as in ${title}`)}`,
      `base: ${JSON.stringify(base.file)}`,
      `configOf: ./${key}.start`,
      `config: [${['distribution', ...fragments].join(', ')}]`,
      'build: on-demand',
      '',
    ].join('\n'),
  );
  return file;
}
