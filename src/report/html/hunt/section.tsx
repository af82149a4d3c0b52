// SPDX-License-Identifier: Apache-2.0
// The hunt on the front page of a night.
import type { NightHunt } from '../../../model/hunt/hunt.js';
import { nightHuntLines, nightHuntStatus } from '../../hunt/night.js';
import { show } from '../parts/page.js';
import { Findings, type Links } from './findings.js';

export function HuntSection({ hunt, links }: { hunt: NightHunt | null; links: Links }) {
  if (hunt === null) return null;
  const [head = ''] = nightHuntLines(hunt);
  return (
    <section aria-labelledby="hunt-head">
      <h2 id="hunt-head">Hunt for unknown bugs</h2>
      <p class={nightHuntStatus(hunt) === 0 ? '' : 'note'}>
        {show(head, 1000)} {hunt.report === null ? null : <a href="hunt.html">more</a>}
      </p>
      {hunt.report === null ? null : <Findings findings={hunt.report.findings} links={links} />}
    </section>
  );
}
