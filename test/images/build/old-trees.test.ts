// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, statSync, utimesSync } from 'node:fs';
import { expect, it } from 'vitest';
import { forgetOldTrees, treeLock } from '../../../src/images/build/old-trees.js';
import { acquireLock } from '../../../src/util/process/lock.js';
import { workspace } from '../folder.js';

it('an old tree is removed, unless somebody builds in it', async () => {
  const work = workspace();
  const tree = (index: number) => work.cache.built(`source-${index}`);
  let newest = 0;
  for (let index = 0; index < 6; index++) {
    mkdirSync(tree(index), { recursive: true });
    // The clock of the file system is coarse, and each tree must be newer than the last.
    while (statSync(tree(index)).ctimeMs <= newest) utimesSync(tree(index), 0, 0);
    newest = statSync(tree(index)).ctimeMs;
  }
  const lock = await acquireLock(treeLock('source-1', work));
  await forgetOldTrees(work);
  const left = () => [0, 1, 2, 3, 4, 5].filter((index) => existsSync(tree(index)));
  expect(left()).toEqual([1, 3, 4, 5]);
  lock.release();
  await forgetOldTrees(work);
  expect(left()).toEqual([3, 4, 5]);
});
