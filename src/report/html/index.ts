// SPDX-License-Identifier: Apache-2.0
// Writes the pages of a night into a folder that opens from disk. The folder is complete or absent, and bounded in
// size.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Attempt, PairResult } from '../../model/result/matrix.js';
import type { Bug } from '../../store/history/index.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { readConsole, readEvents } from '../../store/run/read-logs.js';
import { readRun } from '../../store/run/read-run.js';
import { isDiskFull, LabError, messageOf, UsageError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { trackTemp, untrackTemp } from '../../util/process/reaper.js';
import type { ChangeKind, NightDiff } from '../night/diff.js';
import { failed } from '../night/pair-result.js';
import { copyFindings } from './hunt/files.js';
import type { Links } from './hunt/findings.js';
import { huntPage } from './hunt/page.js';
import { frontPage } from './front.js';
import { runPage } from './parts/page.js';
import { runPageText } from './run/index.js';

export interface HtmlInput {
  night: NightlyReport;
  results: string;
  diff: NightDiff | null;
  before: { id: string; startedAt: string } | null;
  /** By title; empty without a history. */
  bugs: ReadonlyMap<string, Bug>;
  notes: readonly string[];
}

/** All pages together hold at most this many characters of consoles; failures come first. */
const ALL_CONSOLES = 3 << 20;
const MAX_CONSOLE = 256 << 10;
const MIN_CONSOLE = 1000;
/** With more pages than this, pages of runs that ended as expected are brief. */
const LARGE_NIGHT = 300;
const MARK = 'report.json';

/** Returns the runs that have a page. Throws a UsageError if `dir` holds anything but a report. */
export function writeHtml(dir: string, input: HtmlInput): string[] {
  const target = resolve(dir);
  if (existsSync(target) && !existsSync(join(target, MARK)) && readdirSync(target).length > 0)
    throw new UsageError(`${dir} exists and is not a report`, {
      hint: 'name an empty folder, or one that does not exist yet',
    });
  const partial = join(dirname(target), `.partial-${basename(target)}-${process.pid}`);
  const old = join(dirname(target), `.old-${basename(target)}-${process.pid}`);
  try {
    mkdirSync(join(partial, 'runs'), { recursive: true });
    trackTemp(partial);
    const pages = fill(partial, input);
    // Swap at the last moment, so that a reader sees either the old report or the new one.
    if (existsSync(target)) renameSync(target, old);
    renameSync(partial, target);
    rmSync(old, { recursive: true, force: true });
    return pages;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (error instanceof LabError || !(error instanceof Error && 'code' in error)) throw error;
    throw new LabError(`${dir} cannot be written: ${messageOf(error)}`, {
      cause: error,
      hint: isDiskFull(error) ? 'free some space, or choose another folder' : null,
    });
  } finally {
    untrackTemp(partial);
  }
}

interface Page {
  run: string;
  pairResult: PairResult;
  attempt: Attempt;
}

function fill(dir: string, { night, results, diff, before, bugs, notes }: HtmlInput): string[] {
  const changes = new Map<PairResult, ChangeKind>(
    (diff?.changes ?? []).flatMap(({ kind, after }) => (after === null ? [] : [[after, kind] as const])),
  );
  const wanted = night.pairResults.flatMap((pairResult) =>
    pairResult.attempts.flatMap((attempt): Page[] =>
      attempt.run === null || !isName(attempt.run) ? [] : [{ run: attempt.run, pairResult, attempt }],
    ),
  );
  const known = new Set(
    wanted.filter(({ run }) => existsSync(join(results, run, 'result.json'))).map(({ run }) => run),
  );
  const gone = wanted.filter(({ run }) => !known.has(run)).length;
  const unreadable: string[] = [];
  let left = ALL_CONSOLES;
  // Failed runs get their share of the console budget first.
  const pages = wanted
    .filter(({ run }) => known.has(run))
    .sort((a, b) => rank(a.pairResult, changes) - rank(b.pairResult, changes));
  const fair = Math.max(MIN_CONSOLE, Math.floor(ALL_CONSOLES / Math.max(1, pages.length)));
  for (const { run, pairResult, attempt } of pages) {
    const folder = join(results, run);
    const read = readRun(folder);
    if (read.state !== 'whole') {
      known.delete(run);
      unreadable.push(`${run} has no page: ${read.why}`);
      continue;
    }
    const budget =
      rank(pairResult, changes) < EXPECTED ? Math.min(MAX_CONSOLE, Math.max(fair, left)) : Math.min(MAX_CONSOLE, fair);
    const text = runPageText({
      run,
      folder: relative('.', folder) || folder,
      result: read.result,
      attempt,
      pairResult,
      change: changes.get(pairResult) ?? null,
      events: readEvents(folder),
      console: readConsole(folder),
      brief: pages.length > LARGE_NIGHT && rank(pairResult, changes) === EXPECTED,
      budget,
      pages: known,
      night: night.id,
    });
    left -= Math.min(budget, text.length);
    writeFileSync(join(dir, decodeURIComponent(runPage(run))), text);
  }
  const all = [
    ...night.notes,
    ...notes,
    ...(gone > 0
      ? [`${gone} ${gone === 1 ? 'run is' : 'runs are'} no longer in ${relative('.', results) || results}: no page`]
      : []),
    ...unreadable.slice(0, 10),
    ...(unreadable.length > 10 ? [`${unreadable.length - 10} more runs cannot be read`] : []),
  ];
  const report = night.hunt?.report ?? null;
  const findings: Links = report === null ? new Map() : copyFindings(report, dir);
  if (report !== null) writeFileSync(join(dir, 'hunt.html'), huntPage({ report, links: findings, style: null }));
  writeFileSync(join(dir, 'index.html'), frontPage({ night, diff, before, bugs, pages: known, notes: all, findings }));
  for (const asset of ['report.css', 'report.js'])
    copyFileSync(join(packageRoot(), 'src/report/html/assets', asset), join(dir, asset));
  writeFileSync(join(dir, MARK), `${JSON.stringify({ schema: 1, night: night.id, runs: [...known] })}\n`);
  return [...known];
}

const EXPECTED = 2;

/** 0: failed; 1: changed, or without a verdict; 2: as expected. */
function rank(pairResult: PairResult, changes: ReadonlyMap<PairResult, ChangeKind>): number {
  if (failed(pairResult)) return 0;
  return changes.has(pairResult) || !pairResult.asExpected ? 1 : EXPECTED;
}

/** The names come from a file that anybody may have written. */
function isName(run: string): boolean {
  return run === basename(run) && !run.startsWith('.') && run.length < 240;
}
