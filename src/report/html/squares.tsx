// SPDX-License-Identifier: Apache-2.0
// One square of the night as a cell of a table.
import type { Square } from '../../model/result/matrix.js';
import type { ChangeKind } from '../night/diff.js';
import { chainText, expectedText, failed, scenarioName, stateText, tellingAttempt, titleOf } from '../night/square.js';
import { endingWord, LOOKS } from './look.js';
import { runPage, show } from './page.js';

/** Marks of what changed since the night before. */
export const CHANGE_MARKS: Readonly<Record<ChangeKind, { mark: string; word: string }>> = {
  new: { mark: '▲', word: 'failed, and had not the night before' },
  flaky: { mark: '▲', word: 'repeats disagree, and had not the night before' },
  changed: { mark: '◆', word: 'another outcome or cause than the night before' },
  fixed: { mark: '▼', word: 'fixed since the night before' },
  unknown: { mark: '?', word: 'no verdict any more' },
  added: { mark: '+', word: 'not in the night before' },
  gone: { mark: '-', word: 'only in the night before' },
};

export function classOf(square: Square, change: ChangeKind | null): string {
  return [
    'q',
    `o-${square.state}`,
    ...(failed(square) ? ['bad'] : []),
    ...(change === null ? [] : ['new', `c-${change}`]),
  ].join(' ');
}

export function wordsOf(square: Square, change: ChangeKind | null): string {
  const title = titleOf(square);
  return [
    `${chainText(square.kernels)}, ${scenarioName(square.scenario)}: ${stateText(square)}`,
    square.asExpected ? 'as expected' : `expected ${expectedText(square)}`,
    ...(title === null ? [] : [title]),
    ...(change === null ? [] : [CHANGE_MARKS[change].word]),
  ].join('\n');
}

interface CellProps {
  square: Square;
  change: ChangeKind | null;
  /** Runs that have a page. */
  pages: ReadonlySet<string>;
}

export function SquareCell({ square, change, pages }: CellProps) {
  const run = tellingAttempt(square)?.run ?? null;
  const ending = endingWord(square.endsIn);
  const content = [
    LOOKS[square.state].letter,
    failed(square) ? <b>!</b> : null,
    change === null ? null : <i>{CHANGE_MARKS[change].mark}</i>,
    ending === '' ? null : <small>{ending}</small>,
  ];
  return (
    <td class={classOf(square, change)} title={show(wordsOf(square, change), 600)}>
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
