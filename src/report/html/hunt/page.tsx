// SPDX-License-Identifier: Apache-2.0
// The page of a hunt: what it reached over time, what ran, how that ended, and what it found.
import type { HuntReport } from '../../../model/hunt/hunt.js';
import { hourly, huntLine, inState, rungRows } from '../../hunt/text.js';
import { pageText, show } from '../parts/page.js';
import { Curve } from './curve.js';
import { Findings, type Links } from './findings.js';

export interface HuntPageData {
  report: HuntReport;
  links: Links;
  /** Put into the page; null if it lies beside the report's own files. */
  style: string | null;
}

export function huntPage({ report, links, style }: HuntPageData): string {
  const { findings, kernels, seed, end, curve, counts } = report;
  const bugs = inState(findings, 'confirmed').length;
  const title = bugs === 0 ? 'A hunt without a new bug' : `${bugs} ${bugs === 1 ? 'bug' : 'bugs'} not known`;
  return pageText({
    title: `${title} - hunt`,
    root: '',
    style,
    children: (
      <>
        <header>
          <h1 class={bugs > 0 ? 'bad' : 'good'}>{title}</h1>
          <p>
            {show(kernels.map((pair) => pair.join(' -> ')).join(', '))}, seed {seed}: {show(huntLine(report))}
          </p>
          {end === null ? <p class="note">The hunt has not ended. The same command continues it.</p> : null}
          {end?.kind === 'stopped' ? <p class="note">Stopped: {show(end.why)}</p> : null}
        </header>
        <section aria-labelledby="findings-head">
          <h2 id="findings-head">Findings</h2>
          <Findings findings={findings} links={links} />
        </section>
        <section aria-labelledby="curve-head">
          <h2 id="curve-head">Reached over time</h2>
          <p class="faint">Blocks of live update code, apart in the first kernel and the next. Pauses do not count.</p>
          <Curve curve={curve} />
        </section>
        <section aria-labelledby="hours-head">
          <h2 id="hours-head">Executions</h2>
          <Hours report={report} />
          <Rungs report={report} />
        </section>
        <section aria-labelledby="outcomes-head">
          <h2 id="outcomes-head">Outcomes</h2>
          <p class="faint">Generator, whether a kernel may do that, and the outcome.</p>
          <Counts head="inputs that ended in" counts={counts} />
        </section>
      </>
    ),
  });
}

const HOUR = 3_600_000;
const MAX_HOURS = 48;
const MAX_ROWS = 100;

function Hours({ report: { hours, ms } }: { report: HuntReport }) {
  const first = Math.max(0, hours.length - MAX_HOURS);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">hour</th>
          <th scope="col">executions</th>
          <th scope="col">an hour</th>
        </tr>
      </thead>
      <tbody>
        {hours.slice(first).map((count, n) => {
          const hour = first + n;
          const took = Math.min(HOUR, Math.max(1, ms - hour * HOUR));
          return (
            <tr key={hour}>
              <td>{hour + 1}</td>
              <td>{count}</td>
              <td>{hourly(count, took)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Rungs({ report }: { report: HuntReport }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">started at</th>
          <th scope="col">executions</th>
          <th scope="col">an hour, with one machine</th>
        </tr>
      </thead>
      <tbody>
        {rungRows(report)
          .slice(0, MAX_ROWS)
          .map(({ rung, count, pace }) => (
            <tr key={rung}>
              <td>{show(rung, 100)}</td>
              <td>{count}</td>
              <td>{pace === 0 ? '–' : pace}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function Counts({ head, counts }: { head: string; counts: Readonly<Record<string, number>> }) {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{head}</th>
          <th scope="col">executions</th>
          <th scope="col">share</th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, MAX_ROWS).map(([what, count]) => (
          <tr key={what}>
            <td>{show(what, 100)}</td>
            <td>{count}</td>
            <td>{((100 * count) / Math.max(1, all)).toFixed(1)} %</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
