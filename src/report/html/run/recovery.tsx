// SPDX-License-Identifier: Apache-2.0
// The state of the host after a failed update, and what a recovery gave back.
import type { Result } from '../../../model/result/result.js';
import { impairedWords, recoveryProblems, recoveryWords } from '../../text/recovery.js';
import { show } from '../parts/page.js';

export function Recovery({ result: { impaired, recovery } }: { result: Pick<Result, 'impaired' | 'recovery'> }) {
  if (impaired === null && recovery === null) return null;
  return (
    <section aria-labelledby="impaired-head">
      <h2 id="impaired-head">The host afterwards</h2>
      {impaired === null ? null : (
        <p>
          <b>Impaired</b>:{' '}
          {impairedWords(impaired)
            .map((words) => show(words))
            .join('; ')}
          .
        </p>
      )}
      {recovery === null ? null : (
        <>
          <p>
            <b>Recovery</b>, which does not change the verdict:
          </p>
          <ul>
            {recoveryWords(recovery).map((words) => (
              <li key={words}>{show(words)}</li>
            ))}
          </ul>
          {recoveryProblems(recovery).map((problem) => (
            <p class="bad" key={problem}>
              {show(problem)}
            </p>
          ))}
        </>
      )}
    </section>
  );
}
