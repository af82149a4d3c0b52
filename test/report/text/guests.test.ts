// SPDX-License-Identifier: Apache-2.0
// A guest's line for a terminal, with what it saw of its devices. The machine is hostile: its words may hold anything.
import { expect, it } from 'vitest';
import type { DeviceCounts, GuestOfResult } from '../../../src/model/result/guest-result.js';
import { deviceText, guestsText } from '../../../src/report/text/guests.js';

const counts = (change: Partial<DeviceCounts> = {}): DeviceCounts => ({
  done: 7,
  wrong: 0,
  unended: 0,
  cut: 0,
  resets: 0,
  gone: 0,
  ...change,
});

it.each([
  [{ carried: 'kept', before: counts(), after: counts({ done: 9 }) }, 'edu0 kept: transfers 7 to 9'],
  [
    { carried: 'recreated', before: counts(), after: counts({ done: 9, cut: 1, resets: 1 }) },
    'edu0 recreated: transfers 7 to 9, found reset during a transfer',
  ],
  [
    { carried: 'kept', before: counts(), after: counts({ wrong: 2, unended: 1, resets: 1 }) },
    'edu0 kept: transfers 7 to 7, 2 wrong, 1 unfinished, found reset',
  ],
  [
    { carried: 'lost', before: counts(), after: counts({ gone: 60 }) },
    'edu0 lost: transfers 7 to 7, no answer at 60 ticks',
  ],
  [{ carried: null, before: null, after: counts() }, 'edu0: 7 transfers'],
  [{ carried: null, before: null, after: null }, 'edu0: no transfers seen'],
] as const)('%o', (device, text) => {
  expect(deviceText({ device: 'edu0', ...device })).toBe(text);
});

it('stands under its guest, with nothing in it that a terminal would obey', () => {
  const guest: GuestOfResult = {
    name: 'vm0/guest',
    kind: 'bare',
    vcpus: 1,
    size: 16 << 20,
    session: 'vm0',
    epoch: 1,
    state: 'survived',
    firstBad: null,
    ticks: { before: 1, after: 2 },
    chain: { before: null, arrival: null, after: null },
    clock: null,
    bootId: null,
    downtime: null,
    downtimeInside: null,
    devices: [{ device: 'e\x1b[2J', carried: 'kept', before: counts(), after: counts() }],
    needs: 3,
    pagesLeaked: 0,
    pagesLost: 0,
    problems: [],
  };
  const lines = guestsText({ guests: [guest], downtime: [] }, 100);
  expect(lines.at(-1)).toMatch(/^ +e.*kept: transfers 7 to 7$/);
  expect(lines.join('')).not.toContain('\x1b');
});
