// SPDX-License-Identifier: Apache-2.0
// The data of a report: a night, which is a matrix, or a single run. `notes` has what is wrong with it.
import { basename } from 'node:path';
import type { Attempt, Matrix, PairResult } from '../../model/result/matrix.js';
import type { Result } from '../../model/result/result.js';
import { rungOf } from '../../model/result/snapshot.js';
import { missedWitnesses } from '../../model/result/witness.js';
import type { NightHunt } from '../../model/hunt/hunt.js';
import { LabError } from '../../util/errors.js';
import { readAttempts, readMatrix } from './folder.js';
import { readNightHunt } from './hunt.js';
import { readRun } from '../run/read-run.js';
import { coldRepeats, pairResultsOf } from './pair-results.js';

export interface NightlyReport {
  id: string;
  kind: 'matrix' | 'run';
  /** Path of the plan; for a single run, of its scenario. */
  plan: string;
  labVersion: string;
  /** ISO 8601, wall clock. */
  startedAt: string;
  endedAt: string | null;
  pairResults: PairResult[];
  /** All attempts, including repeated ones, in the order in which they ended. */
  attempts: Attempt[];
  notes: string[];
  /** Kernels that no earlier night of the history had. */
  newKernels: readonly string[];
  /** The hunt after the cells; null if there is none. */
  hunt: NightHunt | null;
}

/** Throws a LabError if matrix.json is unreadable. Unreadable lines of cells.jsonl are left out, with a note. */
export function readNightlyReport(folder: string): NightlyReport {
  const matrix = readMatrix(folder);
  const { attempts, damaged } = readAttempts(folder);
  const cells = new Set(matrix.cells.map(({ id }) => id));
  const known = attempts.filter(({ cell }) => cells.has(cell));
  const pairResults = pairResultsOf(matrix, known);
  const pending = pairResults.filter(({ state }) => state === 'pending').length;
  return {
    id: basename(folder),
    kind: 'matrix',
    plan: matrix.plan,
    labVersion: matrix.labVersion,
    startedAt: matrix.startedAt,
    endedAt: matrix.endedAt,
    pairResults,
    attempts: known,
    newKernels: [],
    hunt: readNightHunt(folder),
    notes: [
      ...(damaged === 0 ? [] : [`${plural(damaged, 'line')} of cells.jsonl left out: unreadable`]),
      ...(known.length === attempts.length
        ? []
        : [`${plural(attempts.length - known.length, 'attempt')} left out: the matrix has no such cells`]),
      ...(matrix.endedAt === null
        ? [
            `not ended: ${pending} of ${pairResults.length} pair results have no outcome yet; ` +
              'continue with `lab matrix PLAN --resume`',
          ]
        : []),
      ...clockNotes(matrix, known),
      ...coldNotes(known),
    ],
  };
}

/** How many cells ran from a snapshot, and how many of those also ran cold (matrix/cold-sample.ts). */
function coldNotes(attempts: readonly Attempt[]): string[] {
  const warm = new Set(attempts.filter(({ rung }) => rung !== null).map(({ cell }) => cell));
  const cold = new Set(coldRepeats(attempts).map(({ cell }) => cell));
  if (warm.size === 0) return [];
  return [`${plural(warm.size, 'cell')} ran from snapshots, ${cold.size} of them also cold`];
}

/** Durations come from a monotonic clock, so they are right even then. */
function clockNotes(
  { startedAt, endedAt }: Pick<Matrix, 'startedAt' | 'endedAt'>,
  attempts: readonly Attempt[],
): string[] {
  const start = Date.parse(startedAt);
  const end = endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(endedAt);
  // Some times are rounded down to seconds.
  const outside = attempts.filter(
    (attempt) => Date.parse(attempt.startedAt) < start - 1000 || Date.parse(attempt.startedAt) > end + 1000,
  ).length;
  if (end < start) return ['the clock of the host jumped: the matrix ended before it started'];
  return outside === 0
    ? []
    : [`the clock of the host jumped: ${plural(outside, 'attempt')} began outside the time of the matrix`];
}

/** The report for scripts, where the pair results are called `squares`. */
export function nightlyReportJson({ pairResults, attempts, notes, hunt, ...rest }: NightlyReport): object {
  return { ...rest, squares: pairResults, attempts, notes, ...(hunt === null ? {} : { hunt }) };
}

/** Makes a single run a night with one pair result. Throws a LabError if its result is unreadable. */
export function nightlyReportOfRun(folder: string): NightlyReport {
  const read = readRun(folder);
  if (read.state !== 'whole') throw new LabError(`${folder} has no result to show: ${read.why}`);
  return nightOfResult(read.result, basename(folder));
}

function nightOfResult(
  {
    scenario,
    kernels,
    outcome,
    endsIn,
    expected,
    expectedEndsIn,
    asExpected,
    cause,
    witnesses,
    snapshot,
    durations,
    startedAt,
    versions,
  }: Result,
  run: string,
): NightlyReport {
  const cell = {
    id: run,
    scenario: scenario.file,
    tags: scenario.tags,
    kernels: kernels.map(({ name }) => name),
    repeat: 1,
    expected: { outcome: expected, endsIn: expectedEndsIn, source: 'scenario' as const },
  };
  const attempt: Attempt = {
    cell: run,
    attempt: 1,
    run,
    outcome,
    endsIn,
    asExpected,
    without: missedWitnesses({ witnesses }),
    rung: rungOf({ snapshot }),
    title: cause?.title ?? null,
    ms: durations['total'] ?? 0,
    startedAt,
    worker: '',
  };
  return {
    id: run,
    kind: 'run',
    plan: scenario.file,
    labVersion: versions.lab,
    startedAt,
    endedAt: startedAt,
    pairResults: pairResultsOf({ cells: [cell] }, [attempt]),
    attempts: [attempt],
    notes: [],
    newKernels: [],
    hunt: null,
  };
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
