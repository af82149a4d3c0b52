// SPDX-License-Identifier: Apache-2.0
// `lab diff`: compares two nights, or two runs.
import { Command } from 'commander';
import { diffNights } from '../../report/night/diff.js';
import { diffRuns, diffRunsText } from '../../report/text/diff-runs.js';
import { diffText } from '../../report/text/diff.js';
import type { Result } from '../../model/result/result.js';
import { findInResults, newestNights, type Found } from '../../store/find.js';
import { readNightlyReport } from '../../store/matrix/nightly-report.js';
import { readRun } from '../../store/run/read-run.js';
import { LabError, UsageError } from '../../util/errors.js';
import { requireFolder, withHistoryIfAny } from '../run/with-history.js';

interface DiffOptions {
  results: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('diff')
    .description(
      'prints what changed between two nights (new, flaky, changed, fixed) or two runs. ' +
        'Exit status 1 if something failed that did not fail before',
    )
    .argument('[before]', 'a matrix or a run; without arguments, the two newest matrices of the plan that ran last')
    .argument('[after]', 'another one, of the same kind')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action(async (before: string | undefined, after: string | undefined, options: DiffOptions) => {
      requireFolder(options.results);
      const [a, b] = await both(before, after, options.results);
      if (a.kind !== b.kind)
        throw new UsageError(`${a.name} is a ${a.kind}, ${b.name} is a ${b.kind}: name two runs or two matrices`);
      process.exitCode = a.kind === 'matrix' ? nights(a, b, options) : runs(a, b, options);
    });
}

async function both(before: string | undefined, after: string | undefined, results: string): Promise<[Found, Found]> {
  if (before !== undefined && after !== undefined)
    return [findInResults(results, before), findInResults(results, after)];
  if (before !== undefined)
    throw new UsageError('two are needed for a comparison', { hint: `lab diff ${before} OTHER` });
  return withHistoryIfAny(results, (history) => {
    const newest = newestNights(results, history)[0];
    const plan = newest === undefined ? null : readNightlyReport(findInResults(results, newest).folder).plan;
    const [last, previous] = newestNights(results, history, plan);
    if (last === undefined || previous === undefined)
      throw new UsageError(`${results} does not hold two matrices of one plan to compare`, {
        hint: 'lab history --nights   lists the matrices',
      });
    return [findInResults(results, previous), findInResults(results, last)];
  });
}

function nights(a: Found, b: Found, { json }: DiffOptions): number {
  const [before, after] = [readNightlyReport(a.folder), readNightlyReport(b.folder)];
  const diff = diffNights(before, after);
  process.stdout.write(
    json
      ? `${JSON.stringify({ before: before.id, after: after.id, ...diff }, null, 2)}\n`
      : diffText(before, after, diff, process.stdout),
  );
  return diff.changes.some(({ kind }) => kind === 'new' || kind === 'flaky') ? 1 : 0;
}

function runs(a: Found, b: Found, { json }: DiffOptions): number {
  const [before, after] = [resultIn(a), resultIn(b)];
  process.stdout.write(
    json
      ? `${JSON.stringify({ before: before.id, after: after.id, differences: diffRuns(before, after) }, null, 2)}\n`
      : diffRunsText(before, after),
  );
  return before.asExpected && !after.asExpected ? 1 : 0;
}

function resultIn({ folder, name }: Found): Result {
  const read = readRun(folder);
  if (read.state !== 'whole') throw new LabError(`${name} cannot be compared: ${read.why}`);
  return read.result;
}
