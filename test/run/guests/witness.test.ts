// SPDX-License-Identifier: Apache-2.0
// A guest counts as seen only if it was seen from both sides, before the kexec and after it.
import { describe, expect, it } from 'vitest';
import type { GuestKind, GuestSpec } from '../../../src/model/scenario/guest.js';
import type { ChainView } from '../../../src/oracles/guest/index.js';
import type { OutsideView } from '../../../src/oracles/files/outside.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { witnessCarried, witnessKept } from '../../../src/run/guests/witness.js';
import { Witnesses } from '../../../src/verdict/witnesses.js';
import { statOf } from '../../fakes/guests.js';

const LOOK: OutsideView = { pages: 8, equal: 8, different: 0, differentRuns: [], first: null };
const CHAIN: ChainView = { pages: 8, bad: 0, first: null, ticks: 3, links: 24, heads: [], control: null };
const STAT = statOf();

function guestOf(kind: GuestKind): GuestState {
  const spec: GuestSpec = { name: 'g', kind, vcpus: 1, size: 1 << 20, seed: 1, features: [], devices: [] };
  const chain = kind === 'bare' ? CHAIN : null;
  const guest = new GuestState(spec);
  Object.assign(guest, {
    here: true,
    restored: true,
    resumed: true,
    left: { stat: STAT, chain },
    now: { stat: STAT, chain },
    arrival: chain,
  });
  return guest;
}

type Seen = Parameters<typeof witnessCarried>[3][number];
const fileOf = (change: Partial<Seen> = {}, arrival: OutsideView | undefined = LOOK): Seen => ({
  name: 'g-ram',
  before: LOOK,
  closed: undefined,
  retrieved: { arrival } as Seen['retrieved'],
  ...change,
});

function missing(change: (guest: GuestState) => void, files: readonly Seen[] = [fileOf()], kind: GuestKind = 'bare') {
  const witnesses = new Witnesses();
  const guest = guestOf(kind);
  change(guest);
  witnessCarried(witnesses, 1, guest, files);
  return { missing: witnesses.missing().map(({ why }) => why), counted: witnesses.report().guest?.counted };
}

const nothing = (): void => undefined;

describe('a guest that was carried', () => {
  it.each(['bare', 'linux'] as const)('%s: seen from both sides', (kind) => {
    expect(missing(nothing, [fileOf()], kind)).toEqual({ missing: [], counted: 1 });
  });

  it.each<[string, (guest: GuestState) => void, Seen[], string]>([
    [
      'the agent does not report its state',
      (guest) => {
        guest.now.stat = null;
      },
      [fileOf()],
      'the agent does not report the state of g',
    ],
    [
      'its chain was not seen before',
      (guest) => {
        guest.left = { stat: STAT, chain: null };
      },
      [fileOf()],
      'the chain of g was not recomputed before the kexec',
    ],
    [
      'its chain was not seen on arrival',
      (guest) => {
        guest.arrival = null;
      },
      [fileOf()],
      'the chain of g was not recomputed after it',
    ],
    [
      'its chain was not seen in the end',
      (guest) => {
        guest.now.chain = null;
      },
      [fileOf()],
      'the chain of g was not recomputed after it was resumed',
    ],
    [
      'no page was known before',
      nothing,
      [fileOf({ before: { ...LOOK, pages: 0, equal: 0 } })],
      'no page of g-ram before the kexec was found from outside',
    ],
    [
      'nobody looked before',
      nothing,
      [fileOf({ before: null })],
      'g-ram before the kexec was not inspected from outside',
    ],
    [
      'no page was known on arrival',
      nothing,
      [fileOf({}, { ...LOOK, pages: 0, equal: 0 })],
      'no page of g-ram after the kexec was found from outside',
    ],
  ])('%s', (_, change, files, why) => {
    expect(missing(change, files)).toEqual({ missing: [why], counted: 0 });
  });

  it('needs no third look at the chain of a guest that is gone at the end', () => {
    expect(
      missing((guest) => {
        Object.assign(guest, { resumed: false, now: { stat: STAT, chain: null } });
      }).missing,
    ).toEqual([]);
  });
});

it('a guest of the old kernel is seen from both sides after a refusal', () => {
  const witnesses = new Witnesses();
  witnessKept(witnesses, 0, guestOf('bare'));
  expect(witnesses.missing()).toEqual([]);
  const blind = guestOf('bare');
  blind.arrival = null;
  witnessKept(witnesses, 0, blind);
  expect(witnesses.missing()).toMatchObject([
    { witness: 'guest', why: 'the chain of g was not recomputed in the old kernel' },
  ]);
});
