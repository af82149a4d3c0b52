// SPDX-License-Identifier: Apache-2.0
// A run in which the lab itself failed is no answer, and another failure is not the failure.
import { expect, it } from 'vitest';
import { reproducesFailure } from '../../../src/repro/minimise/reproduces.js';
import type { Seen } from '../../../src/repro/rerun/execute.js';
import { parseScenario } from '../../../src/scenario/index.js';

const TEXT = 'from: 7.2.12\nto: 7.3.4\n';
const CANDIDATE = { text: TEXT, scenario: parseScenario(TEXT, 'x.yaml') };
const WANTED = { outcome: 'panic', title: 'boom' } as const;
const NO_PLACE = 'fault change: no place found for it';
const { signal } = new AbortController();

function runs(titles: readonly string[], times = 1) {
  const used: string[] = [];
  const reproduces = reproducesFailure({
    wanted: WANTED,
    runs: times,
    onMachine: () => undefined,
    execute: async (_scenario, _signal, snapshots): Promise<Seen> => {
      const title = titles[used.length] ?? '';
      used.push(snapshots);
      const outcome = title === 'QEMU ended' || title === NO_PLACE ? 'infra' : title === '' ? 'preserved' : 'panic';
      return { outcome, title: title === '' ? null : title, suspects: [], asExpected: false };
    },
  });
  return { used, answer: () => reproduces(CANDIDATE, signal) };
}

it('is repeated', async () => {
  const { used, answer } = runs(['QEMU ended', 'QEMU ended', 'boom']);
  expect(await answer()).toMatchObject({ holds: true, known: true });
  expect(used).toHaveLength(3);
});

it('and if it stays, nobody knows', async () => {
  expect(await runs(['QEMU ended', 'QEMU ended', 'QEMU ended']).answer()).toEqual({
    holds: false,
    instead: expect.stringContaining('not known') as string,
    known: false,
  });
});

it('another title is another failure', async () => {
  expect(await runs(['crash']).answer()).toEqual({ holds: false, instead: 'panic: crash', known: true });
});

it('a failure that is rare gets as many runs as asked for, each of which saves only the boot', async () => {
  const { used, answer } = runs(['', '', 'boom'], 3);
  expect(await answer()).toMatchObject({ holds: true });
  expect(used).toEqual(['booted', 'booted', 'booted']);
  expect(await runs(['', '', '', 'boom'], 3).answer()).toMatchObject({ holds: false, instead: 'preserved' });
});

it('a candidate without the place that a fault changes is invalid after one machine', async () => {
  const { used, answer } = runs([NO_PLACE, 'boom']);
  expect(await answer()).toEqual({ holds: false, instead: NO_PLACE, known: true });
  expect(used).toHaveLength(1);
});
