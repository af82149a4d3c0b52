// SPDX-License-Identifier: Apache-2.0
// The one verdict of a run, and what the mismatch behind it ends in.

/** All outcomes, in order of precedence: where several hold, the first one wins. */
export const OUTCOMES = [
  'infra',
  'panic',
  'reboot',
  'hang',
  'corrupt',
  'lost',
  'leak',
  'tainted',
  'refused',
  'preserved',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const ENDINGS = ['panic', 'leak', 'reboot', 'none'] as const;
export type EndsIn = (typeof ENDINGS)[number];

/** What each outcome ends in. `none` for infra: it is no verdict on a kernel. */
export const ENDS_IN: Readonly<Record<Outcome, EndsIn>> = {
  infra: 'none',
  panic: 'panic',
  reboot: 'reboot',
  hang: 'reboot',
  corrupt: 'reboot',
  lost: 'reboot',
  leak: 'leak',
  tainted: 'reboot',
  refused: 'none',
  preserved: 'none',
};
