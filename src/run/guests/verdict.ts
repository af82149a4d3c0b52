// SPDX-License-Identifier: Apache-2.0
// The verdict on one guest and the reasons for it, from its files, its pages, its devices and its own checks.
import { isGuestFile } from '../../model/scenario/guest.js';
import type { ExpectedFile } from '../state/file.js';
import type { GuestFate } from '../../model/result/guest-result.js';
import type { ChainView } from '../../oracles/guest/index.js';
import type { Needs } from '../engine/parts.js';
import type { GuestStat, GuestState } from '../state/guest.js';
import type { JudgedDevices } from './devices.js';

/** `lost` comes before `corrupt`, and `corrupt` before `stuck`: the first that applies says the most. */
export function guestVerdict(
  parts: Needs<'state'>,
  guest: GuestState,
  devices: JudgedDevices,
): { verdict: GuestFate; problems: string[] } {
  const { left, now } = guest;
  const files = filesOf(parts, guest);
  const problemsOf = (fate: GuestFate) => guest.problems.filter((each) => each.fate === fate).map(({ what }) => what);
  const gone = [
    ...files
      .filter(({ retrieved }) => retrieved === null)
      .map(({ name, errno }) => `${name} did not come back${errno === null ? '' : `: ${errno}`}`),
    ...(guest.restored ? [] : problemsOf('lost')),
    ...(guest.restored || guest.problems.length > 0
      ? []
      : [
          left === null
            ? 'it was gone before the kexec'
            : files.length === 0
              ? 'its memory was in no session'
              : 'it was never restored',
        ]),
    ...(now.stat?.bootIdChanged || (left?.stat?.bootId && now.stat?.bootId && left.stat.bootId !== now.stat.bootId)
      ? ['it booted again: its boot id is another one']
      : []),
    ...(guest.restored ? devices.lost : []),
  ];
  const wrong = [
    ...files.flatMap(({ name, retrieved }) =>
      retrieved?.arrival !== undefined && retrieved.arrival.different > 0
        ? [
            `${name}: ${retrieved.arrival.different} pages changed over the kexec, ` +
              `first page ${retrieved.arrival.first?.page}`,
          ]
        : [],
    ),
    ...problemsOf('corrupt'),
    ...chainProblems(guest.arrival, 'before it was resumed, '),
    ...chainProblems(now.chain, ''),
    ...devices.wrong,
    ...selfProblems(now.stat),
    ...tickProblems(left?.stat ?? null, now.stat),
  ];
  const stuck = [...problemsOf('stuck'), ...(guest.restored && !guest.resumed ? ['it was never resumed'] : [])];
  if (gone.length > 0) return { verdict: 'lost', problems: gone };
  if (wrong.length > 0) return { verdict: 'corrupt', problems: [...wrong, ...stuck] };
  return stuck.length > 0 ? { verdict: 'stuck', problems: stuck } : { verdict: 'survived', problems: [] };
}

export function chainProblems(look: ChainView | null, when: string): string[] {
  return look === null || look.bad === 0
    ? []
    : [
        `${when}seen from outside ${look.bad} of its pages break its chain, ` +
          `page ${look.first?.page}: ${look.first?.what}`,
      ];
}

export function selfProblems(stat: GuestStat | null): string[] {
  return stat === null
    ? []
    : [
        ...stat.failures.map(({ what, count }) => `by its own checks: ${what} (${count})`),
        ...(stat.jumped > 0 ? [`${stat.jumped} of its ticks did not follow the tick before`] : []),
      ];
}

function tickProblems(before: GuestStat | null, after: GuestStat | null): string[] {
  return before !== null && after !== null && after.ticks < before.ticks
    ? [`its ticks went backwards from ${before.ticks} to ${after.ticks}`]
    : [];
}

export function filesOf({ state }: Needs<'state'>, { spec }: GuestState): ExpectedFile[] {
  return [...state.expected.values()].filter((file) => isGuestFile(file.spec) && file.spec.guest.name === spec.name);
}
