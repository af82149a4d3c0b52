// SPDX-License-Identifier: Apache-2.0
// One pair result of a night as a cell of a table.
import type { PairResult } from '../../../model/result/matrix.js';
import type { ChangeKind } from '../../night/diff.js';
import {
  chainText,
  expectedText,
  failed,
  scenarioName,
  stateText,
  representativeAttempt,
  titleOf,
} from '../../night/pair-result.js';
import { endingWord, LOOKS } from './look.js';
import { runPage, show } from './page.js';

/** Marks of changes since the night before. */
export const CHANGE_MARKS: Readonly<Record<ChangeKind, { mark: string; word: string }>> = {
  new: { mark: '▲', word: 'failed, but not the night before' },
  flaky: { mark: '▲', word: 'repeats disagree, but not the night before' },
  changed: { mark: '◆', word: 'other outcome or cause than the night before' },
  fixed: { mark: '▼', word: 'fixed since the night before' },
  unknown: { mark: '?', word: 'no longer has a verdict' },
  added: { mark: '+', word: 'not in the night before' },
  gone: { mark: '-', word: 'only in the night before' },
};

export function classOf(pairResult: PairResult, change: ChangeKind | null): string {
  return [
    'q',
    `o-${pairResult.state}`,
    ...(failed(pairResult) ? ['bad'] : []),
    ...(change === null ? [] : ['new', `c-${change}`]),
  ].join(' ');
}

export function wordsOf(pairResult: PairResult, change: ChangeKind | null): string {
  const title = titleOf(pairResult);
  return [
    `${chainText(pairResult.kernels)}, ${scenarioName(pairResult.scenario)}: ${stateText(pairResult)}`,
    pairResult.asExpected ? 'as expected' : `expected ${expectedText(pairResult)}`,
    ...(title === null ? [] : [title]),
    ...(change === null ? [] : [CHANGE_MARKS[change].word]),
  ].join('\n');
}

interface CellProps {
  pairResult: PairResult;
  change: ChangeKind | null;
  /** Runs that have a page. */
  pages: ReadonlySet<string>;
}

export function PairResultCell({ pairResult, change, pages }: CellProps) {
  const run = representativeAttempt(pairResult)?.run ?? null;
  const ending = endingWord(pairResult.endsIn);
  const content = [
    LOOKS[pairResult.state].letter,
    failed(pairResult) ? <b>!</b> : null,
    change === null ? null : <i>{CHANGE_MARKS[change].mark}</i>,
    ending === '' ? null : <small>{ending}</small>,
  ];
  return (
    <td class={classOf(pairResult, change)} title={show(wordsOf(pairResult, change), 600)}>
      {run !== null && pages.has(run) ? <a href={runPage(run)}>{content}</a> : content}
    </td>
  );
}

export function Legend() {
  return (
    <p class="legend">
      {Object.entries(LOOKS).map(([state, { letter, word }]) => (
        <span key={state}>
          <span class={`key q o-${state}`}>{letter}</span> {word}
        </span>
      ))}
      <span>
        <span class="key q o-good">✓</span> all as expected
      </span>
      <span>
        <span class="key q bad o-preserved">
          <b>!</b>
        </span>{' '}
        not as expected
      </span>
      {(['new', 'changed', 'fixed'] as const).map((kind) => (
        <span key={kind}>
          <span class="key mark">{CHANGE_MARKS[kind].mark}</span> {CHANGE_MARKS[kind].word}
        </span>
      ))}
    </p>
  );
}
