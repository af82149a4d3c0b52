// SPDX-License-Identifier: Apache-2.0
// The grid of kernel pairs, for all scenarios or for one. Without a script it shows all scenarios. For one scenario the
// script (assets/report.js) copies cells from the table below, which it finds by data-pair and data-scenario.
import type { PairResult } from '../../model/result/matrix.js';
import { groupBy } from '../../util/process/group.js';
import { failed, scenarioName } from '../night/pair-result.js';
import { endingWord, LOOKS, WORST_FIRST } from './parts/look.js';
import { show } from './parts/page.js';

/** One cell for several scenarios: how many did not end as expected, and the worst of them. */
export function summaryOf(pairResults: readonly PairResult[]): {
  state: PairResult['state'] | 'good';
  bad: number;
  text: string;
  ending: string;
} {
  const bad = pairResults.filter(failed);
  const worst = WORST_FIRST.find((state) => bad.some((pairResult) => pairResult.state === state));
  if (worst !== undefined) {
    const ending = endingWord(bad.find(({ state, endsIn }) => state === worst && endsIn !== null)?.endsIn ?? null);
    return { state: worst, bad: bad.length, text: LOOKS[worst].letter, ending };
  }
  const undecided = pairResults.filter(({ asExpected }) => !asExpected);
  if (undecided.length > 0)
    return {
      state: undecided.some(({ state }) => state === 'infra') ? 'infra' : 'pending',
      bad: 0,
      text: LOOKS[undecided.some(({ state }) => state === 'infra') ? 'infra' : 'pending'].letter,
      ending: '',
    };
  return { state: 'good', bad: 0, text: '✓', ending: '' };
}

export function pairKey(from: string, to: string): string {
  return `${from} -> ${to}`;
}

interface GridProps {
  pairResults: readonly PairResult[];
  changed: ReadonlyMap<PairResult, string>;
  newKernels: ReadonlySet<string>;
}

/** The name of a kernel at the head of a row or a column, marked if no earlier night had it. */
export function KernelName({ name, newKernels }: { name: string; newKernels: ReadonlySet<string> }) {
  return (
    <>
      {show(name)}
      {newKernels.has(name) ? (
        <b class="fresh" title="in no earlier night">
          {' '}
          new
        </b>
      ) : null}
    </>
  );
}

/** Shows pairs only; a longer chain does not fit into a grid of from and to. */
export function Grid({ pairResults, changed, newKernels }: GridProps) {
  const pairs = groupBy(
    pairResults.filter(({ kernels }) => kernels.length === 2),
    ({ kernels: [from, to] }) => pairKey(from as string, to as string),
  );
  if (pairs.size === 0) return null;
  const froms = unique([...pairs.values()].map(([pairResult]) => pairResult?.kernels[0] ?? ''));
  const tos = unique([...pairs.values()].map(([pairResult]) => pairResult?.kernels[1] ?? ''));
  // If the plan has the plain update, it is selected first: operators ask for it first.
  const plain = pairResults.find(({ scenario }) => scenarioName(scenario) === 'pair')?.scenario ?? '';
  const scenarios = unique(pairResults.filter(({ kernels }) => kernels.length === 2).map(({ scenario }) => scenario));
  return (
    <section aria-labelledby="grid-head">
      <h2 id="grid-head">Which updates are safe</h2>
      <p class="tools">
        <label>
          Scenarios{' '}
          <select id="chosen">
            <option value="">all {scenarios.length}: the worst that was not expected</option>
            {scenarios.map((path) => (
              <option key={path} value={show(path)} selected={path === plain}>
                {show(scenarioName(path))}
              </option>
            ))}
          </select>
        </label>
      </p>
      <div class="wide">
        <table class="grid" id="grid">
          <thead>
            <tr>
              <th scope="col">
                <span class="corner">from ↓ to →</span>
              </th>
              {tos.map((to) => (
                <th key={to} scope="col">
                  <KernelName name={to} newKernels={newKernels} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {froms.map((from) => (
              <tr key={from}>
                <th scope="row">
                  <KernelName name={from} newKernels={newKernels} />
                </th>
                {tos.map((to) => (
                  <GridCell
                    key={to}
                    pair={pairKey(from, to)}
                    pairResults={pairs.get(pairKey(from, to)) ?? []}
                    changed={changed}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function GridCell({
  pair,
  pairResults,
  changed,
}: {
  pair: string;
  pairResults: readonly PairResult[];
  changed: ReadonlyMap<PairResult, string>;
}) {
  if (pairResults.length === 0) return <td class="none" data-pair={show(pair)} />;
  const { state, bad, text, ending } = summaryOf(pairResults);
  const news = pairResults.filter((pairResult) => changed.has(pairResult)).length;
  return (
    <td
      class={`q o-${state}${bad > 0 ? ' bad' : ''}${news > 0 ? ' new' : ''}`}
      data-pair={show(pair)}
      title={show(`${pair}: ${bad} of ${pairResults.length} not as expected${news > 0 ? `, ${news} changed` : ''}`)}
    >
      <a href={`#pair-${encodeURIComponent(pair)}`}>
        {text}
        {bad > 0 ? <b>!</b> : null}
        {news > 0 ? <i>◆</i> : null}
        <small>{ending}</small>
        <small>
          {bad > 0 ? `${bad}/` : ''}
          {pairResults.length}
        </small>
      </a>
    </td>
  );
}

export function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}
