// SPDX-License-Identifier: Apache-2.0
// The verdict of a run, and how bad its end is for the host.

/** All outcomes in order of precedence: if several apply, the first one wins. */
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

/** The ending of each outcome. `none` for infra, which says nothing about a kernel. */
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
