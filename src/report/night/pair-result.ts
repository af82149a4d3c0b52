// SPDX-License-Identifier: Apache-2.0
// Words for one pair result of a night, the same wherever it is shown.
import type { Attempt, PairResult } from '../../model/result/matrix.js';
import { ENDS_IN } from '../../model/result/outcome.js';
import { WITNESSES } from '../../model/result/witness.js';
import { chainText } from '../../store/matrix/pair-results.js';

export { chainText };

/** `scenarios/a/b.yaml` is a/b: what people call it. */
export function scenarioName(path: string): string {
  return path.replace(/^(?:.*\/)?scenarios\//, '').replace(/\.ya?ml$/, '');
}

/** `chainText` for a line that people read: of a chain of hundreds, its beginning, its end and how many. */
export function shortChain(kernels: readonly string[]): string {
  return kernels.length <= 6
    ? chainText(kernels)
    : `${chainText(kernels.slice(0, 3))} -> ... -> ${kernels.at(-1)} (${kernels.length - 1} updates)`;
}

/** The repeat that stands for the pair result: the first that was not as expected, else the first that has evidence. */
export function representativeAttempt({ attempts }: PairResult): Attempt | null {
  return (
    attempts.find(({ asExpected }) => !asExpected) ??
    attempts.find(({ title }) => title !== null) ??
    attempts[0] ??
    null
  );
}

export function titleOf(pairResult: PairResult): string | null {
  return representativeAttempt(pairResult)?.title ?? null;
}

/**
 * `panic`, `flaky (2 of 3 preserved)`, `lost, ends in reboot`: the ending where it does not follow from the outcome.
 * `preserved without iommu`: that witness did not see, and the user did without it.
 */
export function stateText({ state, rates, endsIn, attempts }: PairResult): string {
  if (state === 'pending') return 'not run';
  const missed = WITNESSES.filter((witness) => attempts.some(({ without }) => without.includes(witness)));
  const without = missed.length === 0 ? '' : ` without ${missed.join(', ')}`;
  if (state === 'flaky')
    return `flaky: ${rates.map(({ outcome, count }) => `${count} ${outcome}`).join(', ')}${without}`;
  return `${endsIn !== null && endsIn !== ENDS_IN[state] ? `${state}, ends in ${endsIn}` : state}${without}`;
}

export function expectedText({ expected: { outcome, endsIn, source } }: PairResult): string {
  const whose = source === 'scenario' ? '' : ` (${source})`;
  return `${outcome}${endsIn === null || endsIn === ENDS_IN[outcome] ? '' : `, ends in ${endsIn}`}${whose}`;
}

/** What was not run, or failed in the lab itself, is no verdict. */
export function hasVerdict({ state }: PairResult): boolean {
  return state !== 'pending' && state !== 'infra';
}

/** An outcome that was not to be, or repeats that disagree. */
export function failed(pairResult: PairResult): boolean {
  return !pairResult.asExpected && hasVerdict(pairResult);
}

/** The command that runs it again; a chain's kernels stand in its scenario. */
export function againCommand({ scenario, kernels }: Pick<PairResult, 'scenario' | 'kernels'>): string {
  const words = kernels.length === 2 ? ['--from', kernels[0] as string, '--to', kernels[1] as string] : [];
  return ['lab', 'run', scenario, ...words].map(shellWord).join(' ');
}

/** Names come from files that anybody may have written. */
export function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
