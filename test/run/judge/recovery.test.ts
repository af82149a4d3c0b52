// SPDX-License-Identifier: Apache-2.0
// A recovery that fails because of the lab does not count against the kernel; one in which the kernel dies does.
import { expect, it } from 'vitest';
import { type Ending, stage } from '../../fakes/endings.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

it.each<[Ending, 'lab' | 'kernel']>([
  ['QEMU gone', 'lab'],
  ['host starved', 'lab'],
  ['time limit', 'lab'],
  ['panic', 'kernel'],
  ['reset', 'kernel'],
  ['hang', 'kernel'],
  ['client gone', 'kernel'],
])("%s in it: the %s's", async (ending, whose) => {
  const staged = stage(ending, 'recovery', 1);
  const { record } = await runFake(
    updatesOf({ updates: 1, recover: 'reboot', timeout: ending === 'time limit' ? 20 : undefined }),
    staged.script,
    staged.options,
  );
  expect(staged.struck).toBe(true);
  expect(record?.verdict.outcome).toBe('leak');
  expect(record?.recovery?.notKnown === null).toBe(whose === 'kernel');
  expect(record?.recovery?.problems.length === 0).toBe(whose === 'lab');
});
