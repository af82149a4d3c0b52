// SPDX-License-Identifier: Apache-2.0
// The state of a host after a failed update, and what a recovery gave back, as sentences for terminal and HTML. They
// contain names from a scenario and text of a machine, so the caller must escape them.
import type { ImpairedOfResult, RecoveryOfResult } from '../../model/result/guest-result.js';
import type { Result } from '../../model/result/result.js';
import { bytes, seconds } from './style.js';

const PAGE = 4096;
const MAX_NAMES = 8;
const MAX_PROBLEMS = 5;

export function impairedWords({ pagesLeaked, guests }: ImpairedOfResult): string[] {
  return [
    `${pagesLeaked} ${pagesLeaked === 1 ? 'page' : 'pages'} (${bytes(pagesLeaked * PAGE)}) that nothing can use`,
    ...(guests.length === 0 ? [] : [`did not survive: ${names(guests)}`]),
  ];
}

/** How the recovery was tried, and its figures. */
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
      ? `it is not known whether any of the ${pagesLeaked.before} leaked pages came back`
      : `${pagesGivenBack} of ${pagesLeaked.before} leaked pages given back, ` +
        `${pagesLeaked.after ?? 'an unknown number'} left`,
    `pages that the kernel manages: ${[
      ['when first up', managed.first],
      ['impaired', managed.before],
      ['after', managed.after],
    ]
      .map(([when, pages]) => `${pages ?? 'not known'} ${when}`)
      .join(', ')}`,
    ...(notKnown === null ? [] : [`not known what it gives back, because the lab failed: ${notKnown}`]),
    `survived: ${names(guestsSurvived)}`,
    `lost: ${names(guestsLost)}`,
  ];
}

/** The problems, at most MAX_PROBLEMS of them. */
export function recoveryProblems({ problems }: RecoveryOfResult): string[] {
  return [
    ...problems.slice(0, MAX_PROBLEMS),
    ...(problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : []),
  ];
}

/** When the recovery began, in milliseconds of the run, of which it is the last part. Null if there was none. */
export function recoveryBegan({ recovery, durations }: Pick<Result, 'recovery' | 'durations'>): number | null {
  return recovery === null ? null : Math.max(0, (durations['total'] ?? 0) - recovery.ms);
}

function names(guests: readonly string[]): string {
  if (guests.length === 0) return 'no guest';
  return guests.length > MAX_NAMES
    ? `${guests.slice(0, MAX_NAMES).join(', ')} and ${guests.length - MAX_NAMES} more`
    : guests.join(', ');
}
