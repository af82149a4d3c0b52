// SPDX-License-Identifier: Apache-2.0
// JUnit XML for Jenkins and GitLab: one suite for each kernel pair, one case for each scenario and for each case of
// upstream's own tests. GitLab drops a case if another one has the same classname and name.
import junitBuilder, { type Builder } from 'junit-report-builder';
import type { PairResult } from '../../model/result/matrix.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { nightHuntLines, nightHuntStatus } from '../hunt/night.js';
import { printable } from '../../util/text/escape.js';
import { groupBy } from '../../util/process/group.js';
import { casesOfPairResult, type ResultOf, type PairResultCase } from './cases.js';
import {
  rerunCommand,
  chainText,
  expectedText,
  hasVerdict,
  scenarioName,
  stateText,
  titleOf,
} from '../night/pair-result.js';

const MAX_ROWS = 60;

type Suite = ReturnType<Builder['testSuite']>;

export function junit(night: NightlyReport, resultOf: ResultOf): string {
  // The types of the package promise a module with a `default`, but Node imports the builder itself.
  const root: object = junitBuilder;
  if (!isBuilder(root)) throw new Error('junit-report-builder has another form than expected');
  const builder = root.newBuilder();
  for (const [chain, pairResults] of groupBy(night.pairResults, ({ kernels }) => chainText(kernels))) {
    const suite = builder
      .testSuite()
      .name(printable(chain))
      .timestamp(night.startedAt)
      .property('matrix', printable(night.id))
      .property('lab', printable(night.labVersion));
    for (const pairResult of pairResults) {
      const of = suite
        .testCase()
        .className(printable(`liveupdate.${chain}`))
        .name(printable(scenarioName(pairResult.scenario)))
        .time(pairResult.attempts.reduce((sum, { ms }) => sum + ms, 0) / 1000);
      if (!pairResult.asExpected) {
        const text = bodyOf(pairResult, resultOf);
        const message = printable(`${stateText(pairResult)}, expected ${expectedText(pairResult)}`);
        if (pairResult.state === 'pending') of.skipped();
        else if (hasVerdict(pairResult)) of.failure(message, pairResult.state).stacktrace(text);
        else of.error(message, pairResult.state, text);
      }
      for (const each of casesOfPairResult(pairResult, resultOf))
        addCase(suite, printable(`liveupdate.${chain}.${scenarioName(pairResult.scenario)}`), each);
    }
  }
  addHunt(builder, night);
  return `${builder.build()}\n`;
}

/** The hunt is one case: it passes if all that it found is known. */
function addHunt(builder: Builder, { hunt, startedAt }: NightlyReport): void {
  if (hunt === null) return;
  const row = builder.testSuite().name('hunt').timestamp(startedAt).testCase().className('liveupdate.hunt');
  row.name(printable(hunt.plan)).time((hunt.report?.ms ?? 0) / 1000);
  const status = nightHuntStatus(hunt);
  const text = inCdata(nightHuntLines(hunt));
  if (status === 1) row.failure('found bugs that are not known', 'finding').stacktrace(text);
  else if (status !== 0) row.error('the hunt has no verdict', 'infra', text);
}

function isBuilder(value: object): value is Builder {
  return 'newBuilder' in value;
}

/** JUnit has no state for an expected failure, so such a case counts as skipped and says why. */
function addCase(suite: Suite, className: string, { label, state, of: { detail } }: PairResultCase): void {
  const row = suite.testCase().className(className).name(label);
  const text = inCdata(detail.split('\n').slice(0, MAX_ROWS));
  if (state === 'fail') row.failure('failed', 'fail').stacktrace(text);
  else if (state !== 'pass')
    row.skipped().standardOutput(state === 'xfail' ? `failed, as the update was to end\n${text}` : text);
}

function bodyOf(pairResult: PairResult, resultOf: ResultOf): string {
  const runs = pairResult.attempts.flatMap(({ run, outcome, title }) => [
    `${outcome}: ${title ?? 'no title'}${run === null ? '' : `  (${run})`}`,
  ]);
  const details = pairResult.attempts
    .flatMap(({ run, asExpected }) =>
      run === null || asExpected ? [] : (resultOf(run)?.cause?.detail ?? '').split('\n'),
    )
    .filter((row) => row !== '')
    .slice(0, MAX_ROWS);
  return inCdata([
    titleOf(pairResult) ?? stateText(pairResult),
    ...runs,
    ...details,
    `again: ${rerunCommand(pairResult)}`,
  ]);
}

/** The builder writes the text as CDATA without a check, so the text must not contain the end of CDATA. */
function inCdata(rows: readonly string[]): string {
  return rows
    .map((row) => printable(row, 400))
    .join('\n')
    .replaceAll(']]>', ']] >');
}
