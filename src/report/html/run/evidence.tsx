// SPDX-License-Identifier: Apache-2.0
// The evidence of the verdict: the cause, all other incidents, the prediction, and the mismatches of the kernels.
import type { Outcome } from '../../../model/result/outcome.js';
import type { PredictionOfResult } from '../../../model/result/prediction.js';
import type { Result } from '../../../model/result/result.js';
import { show } from '../parts/page.js';

const MAX_DETAIL_ROWS = 60;
const MAX_ROWS = 40;

export function Evidence({ result: { cause, incidents } }: { result: Result }) {
  const others = incidents.filter((incident) => incident.title !== cause?.title || incident.t !== cause.t);
  return (
    <section aria-labelledby="evidence-head">
      <h2 id="evidence-head">Evidence</h2>
      {cause === null ? (
        <p>No incident happened.</p>
      ) : (
        <>
          <p>
            <b>{show(cause.title)}</b>{' '}
            <span class="faint">
              {cause.source}, seen from {cause.side}, epoch {cause.epoch}, {(cause.t / 1000).toFixed(2)} s
            </span>
          </p>
          {cause.detail === '' ? null : (
            <pre class="console" tabIndex={0}>
              {rows(cause.detail)}
            </pre>
          )}
        </>
      )}
      {others.length === 0 ? null : (
        <div class="wide">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">at</th>
                <th scope="col">source</th>
                <th scope="col">what</th>
                <th scope="col">implies</th>
              </tr>
            </thead>
            <tbody>
              {others.slice(0, MAX_ROWS).map(({ t, source, side, title, detail, implies }, at) => (
                <tr key={at}>
                  <td class="nowrap">{(t / 1000).toFixed(2)} s</td>
                  <td>
                    {source} <span class="faint">{side}</span>
                  </td>
                  <td>
                    {show(title)}
                    <div class="faint">{show(detail.split('\n')[0] ?? '', 200)}</div>
                  </td>
                  <td>{implies ?? '-'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {others.length > MAX_ROWS ? <p>and {others.length - MAX_ROWS} more in result.json</p> : null}
    </section>
  );
}

function comparedWith(outcome: Outcome, { outcome: predictedOutcome, hit }: PredictionOfResult): string {
  if (predictedOutcome !== outcome) return ', and the run showed otherwise';
  return hit === false ? ', and the run showed another reason' : '';
}

function rows(text: string): string {
  const all = text.split('\n');
  return `${all
    .slice(0, MAX_DETAIL_ROWS)
    .map((row) => show(row))
    .join('\n')}${all.length > MAX_DETAIL_ROWS ? `\n... ${all.length - MAX_DETAIL_ROWS} more lines` : ''}`;
}

/** What the old kernel wrote and what the next one reads, for each component. */
export function Mismatches({ result, brief }: { result: Result; brief: boolean }) {
  const { mismatches, predicted, outcome } = result;
  return (
    <section aria-labelledby="mismatch-head">
      <h2 id="mismatch-head">Mismatches</h2>
      {mismatches.length === 0 ? (
        <p>The two kernels agree on every component.</p>
      ) : (
        <div class="wide">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">component</th>
                <th scope="col">old kernel wrote</th>
                <th scope="col">next kernel reads</th>
                <th scope="col">ends in</th>
                <th scope="col">known from</th>
                <th scope="col">what happens</th>
              </tr>
            </thead>
            <tbody>
              {mismatches.slice(0, MAX_ROWS).map(({ component, wrote, reads, endsIn, source, detail }, at) => (
                <tr key={at}>
                  <td>{show(component)}</td>
                  <td>{wrote === null ? '-' : `v${wrote}`}</td>
                  <td>{reads.map((version) => `v${version}`).join(', ') || (wrote === null ? '-' : 'nothing')}</td>
                  <td>{endsIn}</td>
                  <td>{source === 'run' ? 'this run' : 'the images'}</td>
                  <td>{show(detail)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {predicted === null ? null : (
        <p>
          Predicted from the images alone: <b>{predicted.outcome}</b>
          {comparedWith(outcome, predicted)}. {show(predicted.reasons[0] ?? '')}
        </p>
      )}
      {brief ? null : <Components result={result} />}
    </section>
  );
}

function Components({ result: { kernels } }: { result: Result }) {
  const names = [...new Set(kernels.flatMap(({ components }) => components.map(({ name }) => name)))];
  if (names.length === 0) return null;
  return (
    <details>
      <summary>Components of the kernels</summary>
      <div class="wide">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">component</th>
              {kernels.map(({ name }, epoch) => (
                <th key={epoch} scope="col">
                  {show(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <td>{show(name)}</td>
                {kernels.map(({ components }, epoch) => (
                  <td key={epoch}>
                    {components
                      .filter((each) => each.name === name)
                      .map(({ version }) => `v${version}`)
                      .join(', ') || '-'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
