// SPDX-License-Identifier: Apache-2.0
// The verdict on a guest: of all that went wrong with it, the worst fate counts, and its reasons are given.
import { expect, it } from 'vitest';
import type { JudgedDevices } from '../../../src/run/guests/devices.js';
import { guestVerdict } from '../../../src/run/guests/verdict.js';
import type { ExpectedFile } from '../../../src/run/state/file.js';
import type { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { carriedGuest, CHAIN, expectedFile, guestFile, guestSpec, LOOK, statOf } from '../../fakes/guests.js';

type Change = (guest: GuestState, ram: ExpectedFile) => void;

const BROKEN = { ...CHAIN, bad: 2, first: { page: 17, what: 'it is stale' } };
const NO_DEVICES: JudgedDevices = { records: [], lost: [], wrong: [] };

function verdictOf(change: Change, devices = NO_DEVICES, files: 'handed over' | 'in no session' = 'handed over') {
  const guest = carriedGuest();
  const ram = expectedFile(guestFile(guest.spec, 'guest-ram'));
  const state = new RunState();
  if (files === 'handed over') state.expected.set('s/1', ram);
  // The file of another guest says nothing about this one.
  const other = guestFile(guestSpec({ name: 'other' }), 'guest-ram');
  state.expected.set('s/9', expectedFile(other, { retrieved: null, errno: 'EIO' }));
  change(guest, ram);
  return guestVerdict({ state }, guest, devices);
}

const neverRestored = (guest: GuestState): void => {
  Object.assign(guest, { restored: false, resumed: false, now: { stat: null, chain: null } });
};

it('survives where nothing is wrong', () => {
  expect(verdictOf(() => undefined)).toEqual({ verdict: 'survived', problems: [] });
});

it.each<[string, Change, string]>([
  [
    'its memory did not come back',
    (_, ram) => Object.assign(ram, { retrieved: null, errno: 'ENOENT' }),
    'g.ram did not come back: ENOENT',
  ],
  [
    'it was not there before the kexec',
    (guest) => neverRestored(Object.assign(guest, { left: null })),
    'it was gone before the kexec',
  ],
  ['nothing restored it', neverRestored, 'it was never restored'],
  [
    'the agent saw its boot id change',
    ({ now }) => (now.stat = statOf({ ticks: 20, bootIdChanged: true })),
    'it booted again: its boot id is another one',
  ],
  [
    'its boot id is another one than in the old kernel',
    (guest) => {
      guest.left = { stat: statOf({ bootId: 'a' }), chain: null };
      guest.now.stat = statOf({ ticks: 20, bootId: 'b' });
    },
    'it booted again: its boot id is another one',
  ],
])('is lost where %s', (_, change, problem) => {
  expect(verdictOf(change)).toEqual({ verdict: 'lost', problems: [problem] });
});

it('is lost where its memory was in no session', () => {
  expect(verdictOf(neverRestored, NO_DEVICES, 'in no session')).toEqual({
    verdict: 'lost',
    problems: ['its memory was in no session'],
  });
});

it('gives the failed restore as the reason, not that it was never restored', () => {
  const failed = (guest: GuestState) => {
    neverRestored(guest);
    guest.problems.push({ what: 'it cannot be restored: EPROTO ()', fate: 'lost' });
  };
  expect(verdictOf(failed)).toEqual({ verdict: 'lost', problems: ['it cannot be restored: EPROTO ()'] });
});

it.each<[string, Change, string]>([
  [
    'a page changed over the kexec',
    (_, ram) => {
      const first = { page: 5, offset: 0, phys: 0 };
      if (ram.retrieved !== null) ram.retrieved.arrival = { ...LOOK, different: 3, first };
    },
    'g.ram: 3 pages changed over the kexec, first page 5',
  ],
  [
    'its chain was broken on arrival',
    (guest) => (guest.arrival = BROKEN),
    'before it was resumed, seen from outside 2 of its pages break its chain, page 17: it is stale',
  ],
  [
    'its chain broke later',
    ({ now }) => (now.chain = BROKEN),
    'seen from outside 2 of its pages break its chain, page 17: it is stale',
  ],
  [
    'its own checks failed',
    ({ now }) => (now.stat = statOf({ ticks: 20, failures: [{ what: 'MSRs were wrong', count: 4 }] })),
    'by its own checks: MSRs were wrong (4)',
  ],
  [
    'its ticks jumped',
    ({ now }) => (now.stat = statOf({ ticks: 20, jumped: 2 })),
    '2 of its ticks did not follow the tick before',
  ],
  ['it went back in time', ({ now }) => (now.stat = statOf({ ticks: 8 })), 'its ticks went backwards from 9 to 8'],
])('is corrupt where %s', (_, change, problem) => {
  expect(verdictOf(change)).toEqual({ verdict: 'corrupt', problems: [problem] });
});

it('is lost with a lost device only if it came back itself', () => {
  const devices = { records: [], lost: ['it no longer has e'], wrong: ['it found f reset once'] };
  expect(verdictOf(() => undefined, devices)).toEqual({ verdict: 'lost', problems: devices.lost });
  expect(verdictOf(neverRestored, devices).problems).toEqual(['it was never restored']);
  expect(verdictOf(() => undefined, { ...devices, lost: [] })).toEqual({ verdict: 'corrupt', problems: devices.wrong });
});

it('is stuck where it was never resumed, and corrupt where its pages are wrong too', () => {
  const paused: Change = (guest) => (guest.resumed = false);
  expect(verdictOf(paused)).toEqual({ verdict: 'stuck', problems: ['it was never resumed'] });
  const both: Change = (guest) => Object.assign(guest, { resumed: false, arrival: BROKEN });
  const { verdict, problems } = verdictOf(both);
  expect(verdict).toBe('corrupt');
  expect(problems.at(-1)).toBe('it was never resumed');
});
