// SPDX-License-Identifier: Apache-2.0
// All pair results of a night: one row for each scenario, one column for each kernel pair or chain.
import type { PairResult } from '../../model/result/matrix.js';
import type { ChangeKind } from '../night/diff.js';
import { chainText, failed, scenarioName } from '../night/pair-result.js';
import { KernelName, unique } from './grid.js';
import { show } from './parts/page.js';
import { PairResultCell } from './parts/pair-result.js';

interface TableProps {
  pairResults: readonly PairResult[];
  changes: ReadonlyMap<PairResult, ChangeKind>;
  pages: ReadonlySet<string>;
  newKernels: ReadonlySet<string>;
}

export function PairResultTable({ pairResults, changes, pages, newKernels }: TableProps) {
  const chains = unique(pairResults.map(({ kernels }) => chainText(kernels)));
  const rows = new Map<string, Map<string, PairResult>>();
  for (const pairResult of pairResults) {
    const row = rows.get(pairResult.scenario) ?? new Map<string, PairResult>();
    rows.set(pairResult.scenario, row.set(chainText(pairResult.kernels), pairResult));
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
                  <ChainHead chain={chain} newKernels={newKernels} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {unique([...rows.keys()]).map((scenario) => {
              const row = rows.get(scenario) as Map<string, PairResult>;
              const all = [...row.values()];
              const marks = [
                ...(all.some(failed) ? ['has-bad'] : []),
                ...(all.some((pairResult) => changes.has(pairResult)) ? ['has-new'] : []),
              ].join(' ');
              return (
                <tr key={scenario} class={marks === '' ? undefined : marks} data-scenario={show(scenario)}>
                  <th scope="row">{show(scenarioName(scenario))}</th>
                  {chains.map((chain) => {
                    const pairResult = row.get(chain);
                    return pairResult === undefined ? (
                      <td key={chain} class="none" />
                    ) : (
                      <PairResultCell
                        key={chain}
                        pairResult={pairResult}
                        change={changes.get(pairResult) ?? null}
                        pages={pages}
                      />
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

function ChainHead({ chain, newKernels }: { chain: string; newKernels: ReadonlySet<string> }) {
  return (
    <>
      {chain.split(' -> ').map((name, at) => (
        <span key={at}>
          {at === 0 ? '' : '→ '}
          <KernelName name={name} newKernels={newKernels} />
        </span>
      ))}
    </>
  );
}
