// SPDX-License-Identifier: Apache-2.0
// Every square of the night: a row a scenario, a column a kernel pair or chain.
import type { Square } from '../../model/result/matrix.js';
import type { ChangeKind } from '../night/diff.js';
import { chainText, failed, scenarioName } from '../night/square.js';
import { unique } from './grid.js';
import { show } from './page.js';
import { SquareCell } from './squares.js';

interface TableProps {
  squares: readonly Square[];
  changes: ReadonlyMap<Square, ChangeKind>;
  pages: ReadonlySet<string>;
}

export function SquareTable({ squares, changes, pages }: TableProps) {
  const chains = unique(squares.map(({ kernels }) => chainText(kernels)));
  const rows = new Map<string, Map<string, Square>>();
  for (const square of squares) {
    const row = rows.get(square.scenario) ?? new Map<string, Square>();
    rows.set(square.scenario, row.set(chainText(square.kernels), square));
  }
  return (
    <section aria-labelledby="all-head">
      <h2 id="all-head">Every scenario on every pair</h2>
      <p class="tools">
        <label>
          Show <input id="filter" type="search" placeholder="part of a name" autocomplete="off" />
        </label>
        <label>
          <input id="only-bad" type="checkbox" /> only not as expected
        </label>
        <label>
          <input id="only-new" type="checkbox" /> only changed
        </label>
        <span class="hint">keys: / finds, arrows move</span>
      </p>
      <div class="wide tall">
        <table class="squares" id="squares">
          <thead>
            <tr>
              <th scope="col">scenario</th>
              {chains.map((chain) => (
                <th key={chain} scope="col" id={`pair-${encodeURIComponent(chain)}`} data-pair={show(chain)}>
                  <ChainHead chain={chain} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {unique([...rows.keys()]).map((scenario) => {
              const row = rows.get(scenario) as Map<string, Square>;
              const all = [...row.values()];
              const marks = [
                ...(all.some(failed) ? ['has-bad'] : []),
                ...(all.some((square) => changes.has(square)) ? ['has-new'] : []),
              ].join(' ');
              return (
                <tr key={scenario} class={marks === '' ? undefined : marks} data-scenario={show(scenario)}>
                  <th scope="row">{show(scenarioName(scenario))}</th>
                  {chains.map((chain) => {
                    const square = row.get(chain);
                    return square === undefined ? (
                      <td key={chain} class="none" />
                    ) : (
                      <SquareCell key={chain} square={square} change={changes.get(square) ?? null} pages={pages} />
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ChainHead({ chain }: { chain: string }) {
  return (
    <>
      {chain.split(' -> ').map((name, at) => (
        <span key={at}>
          {at === 0 ? '' : '→ '}
          {show(name)}
        </span>
      ))}
    </>
  );
}
