// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { snapshotsText } from '../../../src/cli/text/snapshots.js';

const GIB = 2 ** 30;
const state = { enabled: true, count: 0, bytes: 0, maxBytes: 8 * GIB, stuck: [], removed: null };

it.each([
  [{}, ['0 saved machines, 0 B of at most 8 GiB']],
  [
    { count: 1, bytes: GIB / 2 },
    ['1 saved machine, 512 MiB of at most 8 GiB', 'to remove them: lab doctor --forget-snapshots'],
  ],
  [
    { removed: { ladders: 2, bytes: GIB } },
    ['0 saved machines, 0 B of at most 8 GiB', 'removed: 2 saved machines, 1 GiB'],
  ],
  [
    { count: 1, bytes: GIB, removed: { ladders: 1, bytes: GIB } },
    ['1 saved machine, 1 GiB of at most 8 GiB', 'removed: 1 saved machine, 1 GiB', 'these are in use by a run'],
  ],
  [
    { count: 2, stuck: ['it panics \u001b', ...Array<string>(6).fill('it hangs')] },
    [
      '2 saved machines, 0 B of at most 8 GiB',
      'one has no rung after the jump: it panics \\x1b',
      ...Array<string>(4).fill('one has no rung after the jump: it hangs'),
      'and 2 more',
      'to remove them: lab doctor --forget-snapshots',
    ],
  ],
  [
    { enabled: false },
    ['0 saved machines, 0 B of at most 8 GiB', 'turned off: every run boots (LAB_SNAPSHOTS, LAB_SNAPSHOTS_SIZE)'],
  ],
])('of %j', (more, lines) =>
  expect(snapshotsText({ ...state, ...more }).split('\n')).toEqual(['snapshots', ...lines.map((line) => `  ${line}`)]),
);
