// SPDX-License-Identifier: Apache-2.0
// What a host is left with after an update that went wrong, and what the way out that was tried gave back: in
// sentences, the same wherever they are shown. They hold names from a scenario and words of a machine: whoever shows
// them escapes them.
import type { ImpairedOfResult, RecoveryOfResult } from '../../model/result/guest-result.js';
import type { Result } from '../../model/result/result.js';
import { bytes, seconds } from './style.js';

const PAGE = 4096;
const MAX_NAMES = 8;
const MAX_PROBLEMS = 5;

export function impairedWords({ pagesLeaked, guests }: ImpairedOfResult): string[] {
  return [
    `${pagesLeaked} ${pagesLeaked === 1 ? 'page' : 'pages'} (${bytes(pagesLeaked * PAGE)}) that nobody can use`,
    ...(guests.length === 0 ? [] : [`did not survive: ${names(guests)}`]),
  ];
}

/** What was tried, and its figures. */
export function recoveryWords({
  how,
  ms,
  pagesLeaked,
  pagesGivenBack,
  managed,
  guestsSurvived,
  guestsLost,
  notKnown,
}: RecoveryOfResult): string[] {
  return [
    `${how === 'reboot' ? 'a reboot of the host' : 'one more update'}, ${seconds(ms)}`,
    pagesLeaked.after === null && pagesGivenBack === 0
      ? `whether any of the ${pagesLeaked.before} leaked pages came back was not seen`
      : `${pagesGivenBack} of ${pagesLeaked.before} leaked pages given back, ${pagesLeaked.after ?? 'not seen how many'} left`,
    `pages that the kernel manages: ${[
      ['when first up', managed.first],
      ['impaired', managed.before],
      ['after', managed.after],
    ]
      .map(([when, pages]) => `${pages ?? 'not seen'} ${when}`)
      .join(', ')}`,
    ...(notKnown === null ? [] : [`what it gives back is not known, the lab failed: ${notKnown}`]),
    `survived: ${names(guestsSurvived)}`,
    `lost: ${names(guestsLost)}`,
  ];
}

/** Bounded. */
export function recoveryProblems({ problems }: RecoveryOfResult): string[] {
  return [
    ...problems.slice(0, MAX_PROBLEMS),
    ...(problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : []),
  ];
}

/** When it began, milliseconds of the run; it is the last thing in a run. Null where there was none. */
export function recoveryBegan({ recovery, durations }: Pick<Result, 'recovery' | 'durations'>): number | null {
  return recovery === null ? null : Math.max(0, (durations['total'] ?? 0) - recovery.ms);
}

function names(guests: readonly string[]): string {
  if (guests.length === 0) return 'no guest';
  return guests.length > MAX_NAMES
    ? `${guests.slice(0, MAX_NAMES).join(', ')} and ${guests.length - MAX_NAMES} more`
    : guests.join(', ');
}
