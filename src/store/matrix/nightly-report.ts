// SPDX-License-Identifier: Apache-2.0
// What a report is about: a night, which is a matrix, or one run alone. What is not sound about it is said in `notes`.
import { basename } from 'node:path';
import type { Attempt, Matrix, PairResult } from '../../model/result/matrix.js';
import type { Result } from '../../model/result/result.js';
import { missedWitnesses } from '../../model/result/witness.js';
import { LabError } from '../../util/errors.js';
import { readAttempts, readMatrix } from './folder.js';
import { readRun } from '../run/read-run.js';
import { pairResultsOf } from './pair-results.js';

export interface NightlyReport {
  id: string;
  kind: 'matrix' | 'run';
  /** Path of the plan; of the scenario for a run. */
  plan: string;
  labVersion: string;
  /** ISO 8601, wall clock. */
  startedAt: string;
  endedAt: string | null;
  pairResults: PairResult[];
  /** All of them, tried again or not, in the order in which they ended. */
  attempts: Attempt[];
  notes: string[];
}

/** Throws a LabError where matrix.json cannot be read; lines of cells.jsonl that cannot are left out and said. */
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
    notes: [
      ...(damaged === 0 ? [] : [`${plural(damaged, 'line')} of cells.jsonl left out: not to be read`]),
      ...(known.length === attempts.length
        ? []
        : [`${plural(attempts.length - known.length, 'attempt')} left out: the matrix has no such cells`]),
      ...(matrix.endedAt === null
        ? [
            `not ended: ${pending} of ${pairResults.length} pair results have no outcome yet; \`lab matrix PLAN --resume\` goes on`,
          ]
        : []),
      ...clockNotes(matrix, known),
    ],
  };
}

/** Durations come from a monotonic clock, and are right all the same. */
function clockNotes(
  { startedAt, endedAt }: Pick<Matrix, 'startedAt' | 'endedAt'>,
  attempts: readonly Attempt[],
): string[] {
  const start = Date.parse(startedAt);
  const end = endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(endedAt);
  // Seconds are cut off here and there.
  const outside = attempts.filter(
    (attempt) => Date.parse(attempt.startedAt) < start - 1000 || Date.parse(attempt.startedAt) > end + 1000,
  ).length;
  if (end < start) return ['the clock of the host jumped: the matrix ended before it began'];
  return outside === 0
    ? []
    : [`the clock of the host jumped: ${plural(outside, 'attempt')} stamped outside of the matrix's own time`];
}

/** The report as scripts read it, where the pair results are called `squares`. */
export function nightlyReportJson({ pairResults, attempts, notes, ...rest }: NightlyReport): object {
  return { ...rest, squares: pairResults, attempts, notes };
}

/** One run as a night of one pair result. Throws a LabError where its result cannot be read. */
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
  };
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
