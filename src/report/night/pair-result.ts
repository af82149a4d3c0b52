// SPDX-License-Identifier: Apache-2.0
// One pair result of a night as text: the same in all reports.
import type { Attempt, Cell, PairResult } from '../../model/result/matrix.js';
import { kernelLabel } from '../../model/kernel/label.js';
import { ENDS_IN } from '../../model/result/outcome.js';
import { WITNESSES } from '../../model/result/witness.js';
import { chainText } from '../../store/matrix/pair-results.js';
import { printable } from '../../util/text/escape.js';
import { shellQuote } from '../../util/text/shell-quote.js';

export { chainText };

/** The short name of a scenario: `a/b` for `scenarios/a/b.yaml`. */
export function scenarioName(path: string): string {
  return path.replace(/^(?:.*\/)?scenarios\//, '').replace(/\.ya?ml$/, '');
}

/** `chainText` for one line: of a long chain, only the start, the end and the number of updates. */
export function shortChain(kernels: readonly string[]): string {
  const names = kernels.map(kernelLabel);
  return names.length <= 6
    ? chainText(names)
    : `${chainText(names.slice(0, 3))} -> ... -> ${names.at(-1)} (${names.length - 1} updates)`;
}

/** A pair of kernels with the scenario, in one line. */
export function pairText({ scenario, kernels }: Pick<Cell, 'scenario' | 'kernels'>): string {
  return `${chainText(kernels)}  ${scenarioName(scenario)}`;
}

/** A cell in one line. */
export function cellText({ scenario, kernels, repeat }: Pick<Cell, 'scenario' | 'kernels' | 'repeat'>): string {
  return printable(`${scenarioName(scenario)}  ${shortChain(kernels)}${repeat > 1 ? `  #${repeat}` : ''}`, 200);
}

/** The attempt to show for the pair result: the first that was not as expected, else the first that has evidence. */
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
 * `panic`, `flaky: 2 preserved, 1 lost`, or `lost, ends in reboot` if the ending does not follow from the outcome.
 * `preserved without iommu` means that this witness was blind, and that the user did not require it.
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
  const sourceText = source === 'scenario' ? '' : ` (${source})`;
  return `${outcome}${endsIn === null || endsIn === ENDS_IN[outcome] ? '' : `, ends in ${endsIn}`}${sourceText}`;
}

/** False if the cells did not run, or the lab itself failed. */
export function hasVerdict({ state }: PairResult): boolean {
  return state !== 'pending' && state !== 'infra';
}

/** Has an outcome that was not expected, or repeats that disagree. */
export function failed(pairResult: PairResult): boolean {
  return !pairResult.asExpected && hasVerdict(pairResult);
}

/** The command that runs it again. The kernels of a chain are in its scenario. */
export function rerunCommand({ scenario, kernels }: Pick<PairResult, 'scenario' | 'kernels'>): string {
  // A name may come from anybody's file.
  const words = kernels.length === 2 ? ['--from', kernels[0] as string, '--to', kernels[1] as string] : [];
  return ['lab', 'run', scenario, ...words].map(shellQuote).join(' ');
}
