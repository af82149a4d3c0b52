// SPDX-License-Identifier: Apache-2.0
// The page of one run: the verdict in one sentence, and all its evidence.
import type { Attempt, PairResult } from '../../../model/result/matrix.js';
import type { Result } from '../../../model/result/result.js';
import type { ConsoleRead, EventRead } from '../../../store/run/read-logs.js';
import type { ChangeKind } from '../../night/diff.js';
import { chainText, stateText } from '../../night/pair-result.js';
import { seconds } from '../../text/style.js';
import { snapshotWords } from '../../text/snapshot.js';
import { dateText } from '../../text/time.js';
import { LOOKS } from '../parts/look.js';
import { pageText, show } from '../parts/page.js';
import { CHANGE_MARKS } from '../parts/pair-result.js';
import { Rerun } from './rerun.js';
import { Console, crashLines, partsOf } from './console.js';
import { Evidence, Mismatches } from './evidence.js';
import { Guests } from './guests.js';
import { Hardware } from './hardware.js';
import { Cases } from './cases.js';
import { MemoryMap } from './memory.js';
import { Recovery } from './recovery.js';
import { Timeline } from './timeline.js';
import { Witnesses } from './witnesses.js';

export interface RunPageData {
  /** Name of its folder. */
  run: string;
  folder: string;
  result: Result;
  attempt: Attempt;
  pairResult: PairResult;
  change: ChangeKind | null;
  events: readonly EventRead[];
  console: ConsoleRead;
  /** In a large night, leave out of an expected result what the run's folder also has. */
  brief: boolean;
  /** The page may hold this many characters of the console. */
  budget: number;
  /** Runs that have a page. */
  pages: ReadonlySet<string>;
  /** Id of the night, for the link back. */
  night: string;
}

export function runPageText(data: RunPageData): string {
  const { run, folder, result, attempt, pairResult, change, events, console: log, brief, budget, pages, night } = data;
  const crashes = crashLines(events);
  const started = snapshotWords(result.snapshot);
  return pageText({
    title: `${result.outcome} - ${result.scenario.name} - ${chainText(pairResult.kernels)}`,
    root: '../',
    children: (
      <>
        <nav>
          <a href="../index.html">← {show(night)}</a>
        </nav>
        <header>
          <h1>
            <span class={`key q o-${attempt.outcome}${attempt.asExpected ? '' : ' bad'}`}>
              {LOOKS[attempt.outcome].letter}
            </span>{' '}
            {sentence(result, attempt)}
          </h1>
          <p>
            {show(result.scenario.name)}, {show(chainText(pairResult.kernels))}, {dateText(result.startedAt)} UTC,{' '}
            {seconds(result.durations['total'] ?? 0)}. <span class="faint">{show(run)}</span>
          </p>
          {started === null ? null : <p class="faint">{started}</p>}
          {result.scenario.description === '' ? null : <p class="faint">{show(result.scenario.description)}</p>}
          {change === null ? null : (
            <p>
              <span class={`mark c-${change}`}>{CHANGE_MARKS[change].mark}</span> {CHANGE_MARKS[change].word}
            </p>
          )}
          <Siblings pairResult={pairResult} run={run} pages={pages} />
        </header>
        <Evidence result={result} />
        <Witnesses result={result} />
        <section aria-labelledby="time-head">
          <h2 id="time-head">Time</h2>
          <Timeline result={result} events={events} />
        </section>
        <Guests result={result} />
        <Recovery result={result} />
        <Mismatches result={result} brief={brief} />
        <MemoryMap result={result} brief={brief} />
        <Hardware result={result} />
        <Cases cases={result.cases} />
        <Rerun result={result} folder={folder} run={run} brief={brief} />
        <Console log={log} crashes={crashes} parts={partsOf(log, crashes, budget)} file={`${folder}/console.log`} />
      </>
    ),
  });
}

/** What happened, whether it was expected, and why. */
function sentence({ outcome, endsIn, cause, kernels }: Result, { asExpected }: Attempt): string {
  const how: Readonly<Record<Result['outcome'], string>> = {
    preserved: 'everything came back intact',
    refused: 'the update was called off, and the old kernel keeps running',
    tainted: 'everything came back, but a kernel marked itself damaged',
    leak: 'memory is left that nothing can use',
    lost: 'what was handed over is gone',
    corrupt: 'something came back changed',
    hang: 'the machine stopped making progress',
    reboot: 'the machine started again',
    panic: 'a kernel panicked',
    infra: 'the lab itself failed, not a kernel',
  };
  const ends = endsIn === 'none' ? '' : `; ends in ${endsIn}`;
  const chain = show(kernels.map(({ name }) => name).join(' to '), 160);
  const title = cause === null ? '' : ` (${show(cause.title, 160)})`;
  return `${outcome}, ${asExpected ? 'as expected' : 'not as expected'}: ${chain}, ${how[outcome]}${ends}${title}`;
}

function Siblings({ pairResult, run, pages }: { pairResult: PairResult; run: string; pages: ReadonlySet<string> }) {
  if (pairResult.attempts.length < 2) return null;
  return (
    <p>
      Repeats ({stateText(pairResult)}):{' '}
      {pairResult.attempts.map(({ run: other, outcome }, at) => (
        <span key={at}>
          {at > 0 ? ', ' : ''}
          {other === null || !pages.has(other) || other === run ? (
            `${at + 1} ${outcome}`
          ) : (
            <a href={`${encodeURIComponent(other)}.html`}>
              {at + 1} {outcome}
            </a>
          )}
        </span>
      ))}
    </p>
  );
}
