// SPDX-License-Identifier: Apache-2.0
// The failures of a night by title: unexpected ones first, expected ones collapsed.
import type { PairResult } from '../../model/result/matrix.js';
import type { Bug } from '../../store/history/index.js';
import { groupBy } from '../../util/process/group.js';
import { chainText, failed, scenarioName, titleOf, representativeAttempt } from '../night/pair-result.js';
import { dateText } from '../text/time.js';
import { LOOKS } from './parts/look.js';
import { runPage, show } from './parts/page.js';

export interface BugOfNight {
  title: string;
  pairResults: PairResult[];
  failed: number;
  /** From the history; null without one. */
  history: Bug | null;
}

/** @param history by title */
export function bugsOfNight(pairResults: readonly PairResult[], history: ReadonlyMap<string, Bug>): BugOfNight[] {
  const titled = pairResults.flatMap((pairResult) => {
    const title = titleOf(pairResult);
    return title === null || pairResult.state === 'infra' ? [] : [{ title, pairResult }];
  });
  return [...groupBy(titled, ({ title }) => title)]
    .map(([title, group]) => {
      const of = group.map(({ pairResult }) => pairResult);
      return { title, pairResults: of, failed: of.filter(failed).length, history: history.get(title) ?? null };
    })
    .sort((a, b) => b.failed - a.failed || b.pairResults.length - a.pairResults.length);
}

export function Bugs({ bugs, pages }: { bugs: readonly BugOfNight[]; pages: ReadonlySet<string> }) {
  const [unexpected, expected] = [bugs.filter((bug) => bug.failed > 0), bugs.filter((bug) => bug.failed === 0)];
  return (
    <section aria-labelledby="bugs-head">
      <h2 id="bugs-head">Failures by title</h2>
      {unexpected.length === 0 ? <p>No unexpected failures.</p> : <BugTable bugs={unexpected} pages={pages} />}
      {expected.length === 0 ? null : (
        <details>
          <summary>
            {expected.length} {expected.length === 1 ? 'title' : 'titles'} where the failure was expected
          </summary>
          <BugTable bugs={expected} pages={pages} />
        </details>
      )}
    </section>
  );
}

function BugTable({ bugs, pages }: { bugs: readonly BugOfNight[]; pages: ReadonlySet<string> }) {
  return (
    <div class="wide">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">outcome</th>
            <th scope="col">title</th>
            <th scope="col">this night</th>
            <th scope="col">pairs</th>
            <th scope="col">first seen</th>
            <th scope="col">in all</th>
            <th scope="col">rate</th>
          </tr>
        </thead>
        <tbody>
          {bugs.map((bug) => (
            <BugRow key={bug.title} bug={bug} pages={pages} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const MAX_PAIRS = 4;

function BugRow({
  bug: { title, pairResults, failed: bad, history },
  pages,
}: {
  bug: BugOfNight;
  pages: ReadonlySet<string>;
}) {
  const states = [...new Set(pairResults.map(({ state }) => state))];
  const chains = [...new Set(pairResults.map(({ kernels }) => chainText(kernels)))];
  const example = pairResults.find((pairResult) => failed(pairResult)) ?? pairResults[0];
  const run = example === undefined ? null : (representativeAttempt(example)?.run ?? null);
  return (
    <tr>
      <td>
        {states.map((state) => (
          <span key={state} class={`key q o-${state}`} title={LOOKS[state].word}>
            {LOOKS[state].letter}
          </span>
        ))}
      </td>
      <td class="title">{run !== null && pages.has(run) ? <a href={runPage(run)}>{show(title)}</a> : show(title)}</td>
      <td>
        {pairResults.length} of which {bad} not expected
      </td>
      <td>
        {chains.slice(0, MAX_PAIRS).map((chain) => (
          <div key={chain} class="nowrap">
            {show(chain)}
          </div>
        ))}
        {chains.length > MAX_PAIRS ? <div>and {chains.length - MAX_PAIRS} more</div> : null}
      </td>
      <td class="nowrap">{history === null ? 'unknown' : dateText(history.first.at)}</td>
      <td>
        {history === null
          ? 'unknown'
          : `${history.runs} runs, ${history.pairs.length} ${history.pairs.length === 1 ? 'pair' : 'pairs'}`}
      </td>
      <td>{history === null ? '' : `${Math.round(history.rate * 100)} %`}</td>
    </tr>
  );
}

/** `pair, scenario` of a pair result; a link if its run has a page. */
export function PairResultLink({ pairResult, pages }: { pairResult: PairResult; pages: ReadonlySet<string> }) {
  const text = show(`${chainText(pairResult.kernels)}, ${scenarioName(pairResult.scenario)}`);
  const run = representativeAttempt(pairResult)?.run ?? null;
  return run !== null && pages.has(run) ? <a href={runPage(run)}>{text}</a> : <span>{text}</span>;
}
