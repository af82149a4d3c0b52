// SPDX-License-Identifier: Apache-2.0
// Finds kernels that lie about their taint: the console reports damage and the mask does not, or the other way round.
import type { Finding } from '../../console/index.js';
import { hasBit, type TaintName } from '../../model/result/taint.js';
import { bitsOf, maskText } from '../../oracles/taint.js';

export interface Disagreement {
  name: TaintName;
  detail: string;
}

type ConsoleFinding = Pick<Finding, 'taint' | 'severity' | 'title' | 'epoch'> & {
  /** It was read after the last look at the mask, so the bit may have been set since. */
  late: boolean;
};

/** Damage that every kernel also prints, unless its console is quiet. After a panic the console has only the panic. */
const PRINTED: readonly TaintName[] = ['warn', 'oops', 'bad-page', 'soft-lockup'];

/**
 * @param seen all bits that were seen in the kernel of `epoch`
 * @param known the bits that it had from the start
 */
export function disagreements(
  seen: bigint,
  known: bigint,
  findings: readonly ConsoleFinding[],
  epoch: number,
): Disagreement[] {
  const own = findings.filter((finding) => finding.epoch === epoch);
  const set = new Set(bitsOf(seen).map(({ name }) => name));
  const unmarked = own.flatMap((finding): Disagreement[] => {
    const { taint, title, late } = finding;
    // WARN_TAINT() prints the same message and sets a different bit.
    const isSet = taint === null || set.has(taint) || (taint === 'warn' && set.size > 0);
    return late || taint === null || !hasBit(taint) || isSet
      ? []
      : [{ name: taint, detail: `the console says ${title}; tainted_mask is ${maskText(seen)}` }];
  });
  const unsaid = bitsOf(seen & ~known).flatMap(({ name }): Disagreement[] => {
    const printed = PRINTED.find((each) => each === name);
    if (printed === undefined || own.some(({ taint, severity }) => taint === printed || severity === 'panic'))
      return [];
    return [
      {
        name: printed,
        detail:
          `tainted_mask has ${name}, and the console shows no sign of it: ` +
          'the console is quiet, or something wrote to the mask',
      },
    ];
  });
  return [...unmarked, ...unsaid];
}
