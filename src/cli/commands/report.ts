// SPDX-License-Identifier: Apache-2.0
// `lab report`: reports a night or a run, for people and for other systems.
import { relative } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { junit } from '../../report/ci/junit.js';
import { kcidb, KCIDB_ORIGIN } from '../../report/ci/kcidb.js';
import { ktap } from '../../report/ci/ktap.js';
import { markdown } from '../../report/ci/markdown.js';
import { diffNights } from '../../report/night/diff.js';
import { newKernelsOf } from '../../report/night/new-kernels.js';
import { nightStatus } from '../../report/hunt/night.js';
import { writeHtml } from '../../report/html/index.js';
import { nightText } from '../../report/text/night.js';
import { findInResults, newestNights, type Found } from '../../store/find.js';
import type { History } from '../../store/history/index.js';
import { type NightlyReport, nightlyReportOfRun, readNightlyReport } from '../../store/matrix/nightly-report.js';
import { noteReport } from '../../store/matrix/reports.js';
import { resultsOfRuns } from '../../store/run/read-run.js';
import { writeWhole } from '../../store/write-whole.js';
import { messageOf, UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { requireFolder, withHistoryIfAny } from '../run/with-history.js';

interface ReportOptions {
  results: string;
  html?: string;
  junit?: string;
  ktap?: boolean;
  kcidb?: string;
  markdown?: string;
  origin: string;
  before?: string;
}

export function createCommand(): Command {
  return new Command('report')
    .description(
      'reports a matrix or a run; without a name, the newest matrix. ' +
        'Exit status as of the matrix: 1 something failed, 3 something has no verdict',
    )
    .argument('[what]', 'a matrix or a run: its folder, its name, or a part of its name')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--html <dir>', 'write pages that open from disk and fetch nothing')
    .option('--junit <file>', 'write JUnit XML, for Jenkins and GitLab')
    .option('--ktap', 'print KTAP')
    .option('--kcidb <file>', 'write KCIDB 5.3, for KernelCI')
    .option('--markdown <file>', 'write a summary for a CI job')
    .option('--origin <name>', 'with --kcidb: the name of the reporting system', origin, 'liveupdate_lab')
    .option('--before <matrix>', 'mark changes against this matrix instead of the one before of the same plan')
    .action(async (word: string | undefined, options: ReportOptions) => {
      requireFolder(options.results);
      process.exitCode = await withHistoryIfAny(options.results, (history, note) =>
        report(word, options, history, note),
      );
    });
}

function origin(text: string): string {
  if (!KCIDB_ORIGIN.test(text)) throw new InvalidArgumentError('expected lower-case letters, digits and underscores.');
  return text;
}

function report(
  word: string | undefined,
  options: ReportOptions,
  history: History | null,
  note: string | null,
): number {
  const found = reported(word, options, history);
  const night = nightOf(found, history);
  const before = nightBefore(found, night, options, history);
  const diff = before === null ? null : diffNights(before, night);
  const resultOf = resultsOfRuns(options.results);
  if (options.html !== undefined) {
    const bugs = new Map((history?.bugs() ?? []).map((bug) => [bug.title, bug]));
    const runs = writeHtml(options.html, {
      night,
      results: options.results,
      diff,
      before,
      bugs,
      notes: [note, history?.note ?? null].filter((each) => each !== null),
    });
    keepLinked(options, [...runs, night.id, ...(before === null ? [] : [before.id])]);
    process.stderr.write(`${options.html}/index.html: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}\n`);
  }
  if (options.junit !== undefined) write(options.junit, junit(night, resultOf));
  if (options.kcidb !== undefined)
    write(options.kcidb, `${JSON.stringify(kcidb(night, resultOf, options.origin), null, 1)}\n`);
  if (options.markdown !== undefined) write(options.markdown, markdown(night, diff));
  if (options.ktap) process.stdout.write(ktap(night, resultOf));
  if ([options.html, options.junit, options.kcidb, options.markdown, options.ktap].every((each) => each === undefined))
    process.stdout.write(nightText(night, relative('.', found.folder) || found.folder, process.stdout));
  return nightStatus(night);
}

function nightOf({ kind, folder }: Found, history: History | null): NightlyReport {
  if (kind === 'run') return nightlyReportOfRun(folder);
  const night = readNightlyReport(folder);
  const before = history?.kernelsBefore(Date.parse(night.startedAt)) ?? null;
  return { ...night, newKernels: newKernelsOf(night.pairResults, before) };
}

/** Keeps what the pages link to from being pruned. A results folder that is read-only cannot be pruned anyway. */
function keepLinked({ results, html }: ReportOptions, folders: readonly string[]): void {
  try {
    noteReport(results, html as string, folders);
  } catch (error) {
    process.stderr.write(
      `lab: ${printable(`pruning may remove runs that this report links to: ${messageOf(error)}`, 400)}\n`,
    );
  }
}

function write(path: string, text: string): void {
  if (path === '-') process.stdout.write(text);
  else writeWhole(path, text);
}

function reported(word: string | undefined, { results }: ReportOptions, history: History | null): Found {
  if (word !== undefined) return findInResults(results, word);
  const [newest] = newestNights(results, history);
  if (newest === undefined)
    throw new UsageError(`there is no matrix in ${results}`, {
      hint: 'lab matrix scenarios/matrix/quick.yaml   runs a matrix; lab report RUN   reports a run',
    });
  return findInResults(results, newest);
}

/** The matrix of the same plan before this one. */
function nightBefore(
  { kind, name }: Found,
  { plan }: NightlyReport,
  { before, results }: ReportOptions,
  history: History | null,
): NightlyReport | null {
  if (before !== undefined) return readNightlyReport(findInResults(results, before).folder);
  if (kind === 'run' || history === null) return null;
  const nights = newestNights(results, history, plan);
  const previous = nights[nights.indexOf(name) + 1];
  return nights.includes(name) && previous !== undefined
    ? readNightlyReport(findInResults(results, previous).folder)
    : null;
}
