// SPDX-License-Identifier: Apache-2.0
// User spaces in `lab images`: which image is the current one, which ones are older, and what is removed.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { writeJson } from '../../../src/images/cache/cache.js';
import type { Workspace } from '../../../src/images/context.js';
import { removeImage, showImage } from '../../../src/images/index.js';
import { factOf } from '../../../src/images/userspace/build.js';
import { userspaceDefinition } from '../../../src/images/userspace/definition.js';
import { UsageError } from '../../../src/util/errors.js';
import { workspace } from '../folder.js';

const NAME = 'userspace/systemd';

/** Puts an image of eight bytes into the cache, as one that was made. */
function put(work: Workspace, key: string, name: string): string {
  const folder = work.cache.userspace(key);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'root.erofs'), 'an image');
  const packages = [{ file: 'systemd_262.1-1_amd64.deb', sha256: '0' }];
  writeJson(join(folder, 'image.json'), { schema: 1, name, sha256: 'abc', size: 8, packages });
  return folder;
}

it('shows the image that a run would take, and counts the older ones', async () => {
  const work = workspace();
  const context = { ...work, cacheDir: work.cache.dir };
  expect(await showImage(NAME, context)).toMatchObject({ kind: 'userspace', state: 'missing', stale: 0, image: null });
  put(work, 'old', 'systemd');
  put(work, 'other', 'qemu');
  expect(await showImage(NAME, context)).toMatchObject({ state: 'missing', stale: 1, bytes: 0 });
  put(work, 'new', 'systemd');
  const fact = factOf(userspaceDefinition('systemd'), work);
  mkdirSync(dirname(fact), { recursive: true });
  writeJson(fact, { key: 'new' });
  const shown = await showImage(NAME, context);
  expect(shown).toMatchObject({ name: NAME, state: 'ready', stale: 1, bytes: 8, image: { sha256: 'abc' } });
  expect(shown.notes).toContain('systemd_262.1-1_amd64');
});

it('removes all images of its name, and no other', async () => {
  const work = workspace();
  const context = { ...work, cacheDir: work.cache.dir };
  mkdirSync(dirname(work.cache.lock('x')), { recursive: true });
  const mine = [put(work, 'old', 'systemd'), put(work, 'new', 'systemd')];
  const gone = put(work, 'gone', 'no-longer-defined');
  const other = put(work, 'other', 'qemu');
  const removed = await removeImage(NAME, context);
  expect(removed.paths.sort()).toEqual(mine.sort());
  expect(removed.bytes).toBeGreaterThan(16);
  expect([...mine, other].map((folder) => existsSync(folder))).toEqual([false, false, true]);
  expect((await removeImage(NAME, context)).paths).toEqual([]);
  expect((await removeImage('userspace/no-longer-defined', context)).paths).toEqual([gone]);
  await expect(removeImage('userspace/sysemd', context)).rejects.toThrow(UsageError);
});
