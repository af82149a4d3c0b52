// SPDX-License-Identifier: Apache-2.0
// The cases of upstream's own tests, by the kernel that they ran on.
import type { CaseOfResult } from '../../../model/scenario/selftest.js';
import { show } from '../parts/page.js';

const MAX_ROWS = 200;

export function Cases({ cases }: { cases: readonly CaseOfResult[] }) {
  if (cases.length === 0) return null;
  return (
    <section aria-labelledby="cases-head">
      <h2 id="cases-head">Upstream's own tests</h2>
      <div class="wide">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">test</th>
              <th scope="col">case</th>
              <th scope="col">epoch</th>
              <th scope="col">state</th>
              <th scope="col">output</th>
            </tr>
          </thead>
          <tbody>
            {cases.slice(0, MAX_ROWS).map(({ epoch, test, name, state, detail }, at) => (
              <tr key={at}>
                <td>{show(test)}</td>
                <td>{show(name)}</td>
                <td>{epoch}</td>
                <td>{state === 'fail' ? <b>{state}</b> : state}</td>
                <td>{show(detail.split('\n')[0] ?? '')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {cases.length > MAX_ROWS ? <p>and {cases.length - MAX_ROWS} more</p> : null}
    </section>
  );
}
