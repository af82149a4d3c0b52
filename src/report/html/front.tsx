// SPDX-License-Identifier: Apache-2.0
// The front page of a night: which updates are safe, what changed since the night before, and one command for each
// failure.
import type { PairResult } from '../../model/result/matrix.js';
import type { Bug } from '../../store/history/index.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { CHANGES, type ChangeKind, type NightDiff } from '../night/diff.js';
import { nightVerdict } from '../hunt/night.js';
import { countsOf, countsText } from '../night/counts.js';
import { rerunCommand, expectedText, failed, stateText, titleOf } from '../night/pair-result.js';
import { seconds } from '../text/style.js';
import { dateText } from '../text/time.js';
import { Bugs, bugsOfNight, PairResultLink } from './bugs.js';
import { Grid } from './grid.js';
import type { Links } from './hunt/findings.js';
import { HuntSection } from './hunt/section.js';
import { LOOKS } from './parts/look.js';
import { pageText, show } from './parts/page.js';
import { CHANGE_MARKS, Legend } from './parts/pair-result.js';
import { PairResultTable } from './table.js';

export interface FrontData {
  night: NightlyReport;
  /** Against the night before; null if there is none. */
  diff: NightDiff | null;
  before: { id: string; startedAt: string } | null;
  /** By title. */
  bugs: ReadonlyMap<string, Bug>;
  /** Runs that have a page. */
  pages: ReadonlySet<string>;
  notes: readonly string[];
  /** To what is kept of the findings of the hunt. */
  findings: Links;
}

const MAX_CHANGES = 100;
const MAX_COMMANDS = 200;

export function frontPage(data: FrontData): string {
  const { night, diff, before, bugs, pages, notes, findings } = data;
  const counts = countsOf(night.pairResults);
  const changes = new Map<PairResult, ChangeKind>(
    (diff?.changes ?? []).flatMap(({ kind, after }) => (after === null ? [] : [[after, kind] as const])),
  );
  const took = night.endedAt === null ? null : Date.parse(night.endedAt) - Date.parse(night.startedAt);
  const { text: verdict, failed: isBad } = nightVerdict(night);
  return pageText({
    title: `${verdict} - ${night.id}`,
    root: '',
    children: (
      <>
        <header>
          <h1 class={isBad ? 'bad' : 'good'}>{verdict}</h1>
          <p>
            {show(night.plan)}, {dateText(night.startedAt)} UTC
            {took === null || !(took >= 0) ? '' : `, ${seconds(took)}`}: {countsText(counts)}.{' '}
            <span class="faint">
              {show(night.id)}, lab {show(night.labVersion)}
            </span>
          </p>
          {notes.map((note) => (
            <p key={note} class="note">
              {show(note)}
            </p>
          ))}
        </header>
        <Grid pairResults={night.pairResults} changed={changes} newKernels={new Set(night.newKernels)} />
        <Legend />
        <HuntSection hunt={night.hunt} links={findings} />
        <Changes diff={diff} before={before} pages={pages} />
        <Bugs bugs={bugsOfNight(night.pairResults, bugs)} pages={pages} />
        <Commands pairResults={night.pairResults} pages={pages} />
        <PairResultTable
          pairResults={night.pairResults}
          changes={changes}
          pages={pages}
          newKernels={new Set(night.newKernels)}
        />
      </>
    ),
  });
}

function Changes({ diff, before, pages }: Pick<FrontData, 'diff' | 'before' | 'pages'>) {
  if (diff === null || before === null) return null;
  const { changes, same } = diff;
  return (
    <section aria-labelledby="changes-head">
      <h2 id="changes-head">Changed since {dateText(before.startedAt)}</h2>
      {changes.length === 0 ? (
        <p>Nothing: all {same} are unchanged.</p>
      ) : (
        <ul class="changes">
          {[...changes]
            .sort((a, b) => CHANGES.indexOf(a.kind) - CHANGES.indexOf(b.kind))
            .slice(0, MAX_CHANGES)
            .map(({ kind, before: was, after }, at) => {
              const pairResult = (after ?? was) as PairResult;
              const title = titleOf(pairResult);
              return (
                <li key={at}>
                  <span class={`mark c-${kind}`}>{CHANGE_MARKS[kind].mark}</span> <b>{kind}</b>{' '}
                  <PairResultLink pairResult={pairResult} pages={pages} />: {was === null ? '' : stateText(was)}
                  {was !== null && after !== null ? ' → ' : ''}
                  {after === null ? '' : stateText(after)}
                  {title === null || kind === 'gone' ? null : <div class="faint">{show(title)}</div>}
                </li>
              );
            })}
          {changes.length > MAX_CHANGES ? <li>and {changes.length - MAX_CHANGES} more</li> : null}
        </ul>
      )}
    </section>
  );
}

function Commands({ pairResults, pages }: { pairResults: readonly PairResult[]; pages: ReadonlySet<string> }) {
  const bad = pairResults.filter(failed);
  if (bad.length === 0) return null;
  return (
    <section aria-labelledby="again-head">
      <h2 id="again-head">One command for each failure</h2>
      <ul class="again">
        {bad.slice(0, MAX_COMMANDS).map((pairResult, at) => (
          <li key={at}>
            <span class={`key q o-${pairResult.state} bad`}>{LOOKS[pairResult.state].letter}</span>{' '}
            <PairResultLink pairResult={pairResult} pages={pages} />{' '}
            <span class="faint">
              {stateText(pairResult)}, expected {expectedText(pairResult)}
            </span>
            <pre>
              <code>{show(rerunCommand(pairResult), 1000)}</code>
            </pre>
          </li>
        ))}
        {bad.length > MAX_COMMANDS ? <li>and {bad.length - MAX_COMMANDS} more</li> : null}
      </ul>
    </section>
  );
}
