// SPDX-License-Identifier: Apache-2.0
// The record of the source that was used: a damaged one counts as missing.
import { expect, it } from 'vitest';
import { readDefinition } from '../../../src/images/definition/definition.js';
import { writeJson } from '../../../src/images/cache/cache.js';
import { knownSource, originPath } from '../../../src/images/source/source.js';
import { folderWith, workspace } from '../folder.js';

it.each([
  [{ index: 0, id: 'tree', added: true }, 'tree'],
  [{ index: 1, id: 'tree' }, null],
  [{ index: 0, id: 5 }, null],
  [{ index: '0', id: 'tree' }, null],
  [{ index: 0 }, null],
  [null, null],
])('%j names the source %s', async (origin, id) => {
  const dir = folderWith({
    'k.yaml': 'sources:\n  - {kind: tarball, path: a.tar}\nconfig: [./a.config]\n',
    'a.config': '',
    'a.tar': '',
  });
  const work = workspace();
  const definition = readDefinition(`${dir}/k.yaml`);
  writeJson(originPath(definition, work), origin);
  expect((await knownSource(definition, work))?.id ?? null).toBe(id);
});
