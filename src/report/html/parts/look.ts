// SPDX-License-Identifier: Apache-2.0
// How outcomes look: each has a letter and a text, so that no colour is needed. Colour-blind people can tell the
// colours (assets/report.css) apart, too.
import type { PairResult } from '../../../model/result/matrix.js';
import type { EndsIn } from '../../../model/result/outcome.js';

export interface Look {
  letter: string;
  word: string;
}

/** In the order of the legend. */
export const LOOKS: Readonly<Record<PairResult['state'], Look>> = {
  preserved: { letter: 'S', word: 'preserved: safe' },
  refused: { letter: 'N', word: 'refused: the old kernel keeps running' },
  tainted: { letter: 'T', word: 'tainted: the kernel marked itself damaged' },
  leak: { letter: 'K', word: 'leak' },
  lost: { letter: 'L', word: 'lost' },
  corrupt: { letter: 'C', word: 'corrupt' },
  hang: { letter: 'H', word: 'hang' },
  reboot: { letter: 'R', word: 'reboot' },
  panic: { letter: 'P', word: 'panic' },
  flaky: { letter: '~', word: 'flaky: repeats disagree' },
  infra: { letter: 'I', word: 'infra: the lab failed' },
  pending: { letter: '·', word: 'not run' },
};

/** The text under the letter; empty if the update ends well, or has not ended. */
export function endingWord(endsIn: EndsIn | null): string {
  return endsIn === null || endsIn === 'none' ? '' : endsIn;
}

/** The states from the worst to the best. */
export const WORST_FIRST: readonly PairResult['state'][] = [
  'flaky',
  'panic',
  'reboot',
  'hang',
  'corrupt',
  'lost',
  'leak',
  'tainted',
  'refused',
  'preserved',
  'infra',
  'pending',
];
