// SPDX-License-Identifier: Apache-2.0
// The fake machine itself: where nothing goes wrong, a run on it ends as one on QEMU.
import { expect, it } from 'vitest';
import { runFake } from '../../fakes/run.js';
import { TWO_UPDATES } from '../../fakes/scenarios.js';

it('goes through two updates, each judged once, and leaves nothing open', async () => {
  const { record, error, leftOpen, ms } = await runFake(TWO_UPDATES);
  expect(error).toBeNull();
  expect(record?.verdict.outcome).toBe('preserved');
  expect(record?.incidents).toEqual([]);
  expect(
    record?.updates.map(({ epoch, handedOver, files }) => ({
      epoch,
      handedOver,
      states: files.map(({ verdict }) => verdict.state),
    })),
  ).toEqual([
    { epoch: 1, handedOver: 6, states: ['intact', 'intact'] },
    { epoch: 2, handedOver: 6, states: ['intact', 'intact'] },
  ]);
  expect(leftOpen).toEqual([]);
  expect(ms).toBeLessThan(60_000);
});
