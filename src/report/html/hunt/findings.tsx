// SPDX-License-Identifier: Apache-2.0
// The findings of a hunt as a table, with links to what is kept of each.
import type { FindingState, HuntFinding } from '../../../model/hunt/hunt.js';
import { show } from '../parts/page.js';

export interface Link {
  text: string;
  href: string;
}

/** By the name of the finding. */
export type Links = ReadonlyMap<string, readonly Link[]>;

const MAX_ROWS = 200;
/** In this order. What did not come again is only counted. */
const SHOWN: readonly FindingState[] = ['confirmed', 'found', 'known'];
const WORDS: Readonly<Record<FindingState, string>> = {
  confirmed: 'not known',
  found: 'not confirmed yet',
  known: 'known',
  'not reproduced': 'not reproduced',
};

export function Findings({ findings, links }: { findings: readonly HuntFinding[]; links: Links }) {
  const rows = SHOWN.flatMap((state) => findings.filter((each) => each.state === state));
  const once = findings.length - rows.length;
  return (
    <>
      {rows.length === 0 ? <p>No findings.</p> : <FindingTable rows={rows} links={links} />}
      {once === 0 ? null : <p class="faint">{once} did not come again in three boots, so they are not shown.</p>}
    </>
  );
}

function FindingTable({ rows, links }: { rows: readonly HuntFinding[]; links: Links }) {
  return (
    <div class="wide">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">outcome</th>
            <th scope="col">title</th>
            <th scope="col">state</th>
            <th scope="col">kernels</th>
            <th scope="col">from a kernel to itself</th>
            <th scope="col">kept</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((finding) => (
            <Row key={finding.name} finding={finding} links={links.get(finding.name) ?? []} />
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS ? <p>and {rows.length - MAX_ROWS} more</p> : null}
    </div>
  );
}

function Row({ finding, links }: { finding: HuntFinding; links: readonly Link[] }) {
  const { outcome, title, state, kernels, others, runs, seen, minimal, reference, fresh, input } = finding;
  return (
    <tr>
      <td class={`o-${outcome}`}>{outcome}</td>
      <td class="title">
        {show(title)}
        <div class="faint">
          input {input}
          {runs === 0 ? '' : `, ${seen} of ${runs} boots`}
          {state === 'confirmed' && !minimal ? ', not minimal' : ''}
        </div>
      </td>
      <td class={state === 'confirmed' ? 'bad-text' : ''}>
        {fresh && state === 'confirmed' ? 'new' : WORDS[state]}
        {reference === null ? null : <div class="faint">{show(reference)}</div>}
      </td>
      <td>{show(kernels.join(' -> '))}</td>
      <td>
        {Object.entries(others)
          .slice(0, 40)
          .map(([name, how]) => (
            <div key={name}>
              {show(name, 80)}: {show(how, 80)}
            </div>
          ))}
      </td>
      <td class="nowrap">
        {links.map(({ text, href }) => (
          <div key={href}>
            <a href={href}>{text}</a>
          </div>
        ))}
      </td>
    </tr>
  );
}
