// SPDX-License-Identifier: Apache-2.0
// The cases of upstream's own tests in one pair result, each with a unique name.
import type { PairResult } from '../../model/result/matrix.js';
import type { Result } from '../../model/result/result.js';
import type { CaseOfResult } from '../../model/scenario/selftest.js';
import { printable } from '../../util/text/escape.js';

/** The result of a run; null if the run is gone. */
export type ResultOf = (run: string) => Result | null;

export interface PairResultCase {
  label: string;
  /** `xfail`: the case failed, but its run ended as expected, for example in an update that must lose everything. */
  state: CaseOfResult['state'] | 'xfail';
  of: CaseOfResult;
}

/** The cases of all repeats, in the order in which they ran. */
export function casesOfPairResult(pairResult: PairResult, resultOf: ResultOf): PairResultCase[] {
  const repeats = new Map(pairResult.cells.map(({ id, repeat }) => [id, repeat]));
  const seen = new Map<string, number>();
  return pairResult.attempts.flatMap(({ run, cell, asExpected }) =>
    run === null
      ? []
      : (resultOf(run)?.cases ?? []).map((of): PairResultCase => {
          const repeat = pairResult.cells.length > 1 ? `, repeat ${repeats.get(cell) ?? '?'}` : '';
          const name = printable(
            `${of.test}: ${of.name} (epoch ${of.epoch}, ${pairResult.kernels[of.epoch] ?? '?'}${repeat})`,
            300,
          );
          const times = (seen.get(name) ?? 0) + 1;
          seen.set(name, times);
          return { label: times === 1 ? name : `${name} [${times}]`, state: caseState(of, asExpected), of };
        }),
  );
}

export function caseState({ state }: CaseOfResult, asExpected: boolean): PairResultCase['state'] {
  return state === 'fail' && asExpected ? 'xfail' : state;
}
