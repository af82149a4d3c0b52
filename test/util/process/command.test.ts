// SPDX-License-Identifier: Apache-2.0
// An aborted command may clean up, but then it is gone whatever it does.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../../../src/util/process/command.js';
import { temporaryFolder, until } from '../temporary.js';

it.each([
  [
    'removes what it was about to write',
    'trap "rm -f half; : > clean; exit 1" TERM; : > half; while :; do sleep 0.02; done',
    true,
  ],
  ['that listens to nobody is killed all the same', 'trap "" TERM; : > half; while :; do sleep 0.02; done', false],
])('one that is aborted %s', async (_, script, clean) => {
  const folder = temporaryFolder();
  const stop = new AbortController();
  const run = runCommand(['sh', '-c', script], { cwd: folder, signal: stop.signal });
  await until('it runs', () => existsSync(join(folder, 'half')));
  stop.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  expect([existsSync(join(folder, 'half')), existsSync(join(folder, 'clean'))]).toEqual([!clean, clean]);
});
