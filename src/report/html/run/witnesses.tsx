// SPDX-License-Identifier: Apache-2.0
// The witnesses of the run: which looked, and which were blind.
import type { Result } from '../../../model/result/result.js';
import { WITNESSES } from '../../../model/result/witness.js';
import { show } from '../parts/page.js';

export function Witnesses({ result: { witnesses, taint } }: { result: Pick<Result, 'witnesses' | 'taint'> }) {
  const all = WITNESSES.flatMap((name) => (witnesses[name] === undefined ? [] : [{ name, ...witnesses[name] }]));
  if (all.length === 0) return null;
  return (
    <section aria-labelledby="witness-head">
      <h2 id="witness-head">Witnesses</h2>
      <div class="wide">
        <table class="list">
          <thead>
            <tr>
              <th>witness</th>
              <th>looked</th>
              <th>counted</th>
              <th>needed</th>
              <th>why not</th>
            </tr>
          </thead>
          <tbody>
            {all.map(({ name, looked, counted, required, waived, why }) => (
              <tr key={name}>
                <td>{name}</td>
                <td class={looked ? '' : 'bad'}>{looked ? 'yes' : 'blind'}</td>
                <td>{counted}</td>
                <td>{waived ? 'not required' : required ? 'yes' : 'no'}</td>
                <td>{why === null ? '' : show(why, 300)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {taint === null || taint.flags.length === 0 ? null : (
        <p class="bad">The kernel marked itself damaged: {show(taint.flags.join(', '), 300)}.</p>
      )}
    </section>
  );
}
