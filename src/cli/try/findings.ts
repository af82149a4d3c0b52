// SPDX-License-Identifier: Apache-2.0
// Turns differences into findings: with evidence from the run, and the patch with which each begins.
import { join } from 'node:path';
import type { Result } from '../../model/result/result.js';
import type { Blamed, TryFinding } from '../../model/series/try.js';
import type { Difference } from '../../series/verdict/compare.js';
import { readRun } from '../../store/run/read-run.js';

const MAX_LINES = 8;

export function findingOf(difference: Difference, patch: Blamed | null, results: string): TryFinding {
  const { pair, rows, outcome, endsIn, instead, isWorse, title } = difference;
  const run = rows.find((row) => row.run !== null)?.run ?? null;
  return {
    pair,
    scenarios: rows.map(({ scenario }) => scenario),
    outcome,
    endsIn,
    instead,
    isWorse,
    title,
    evidence: evidenceOf(run, results),
    run,
    patch,
  };
}

/** What the machine said about the cause, and which versions do not fit. */
export function evidenceOf(run: string | null, results: string): string[] {
  const result = run === null ? null : resultOf(run, results);
  if (result === null) return [];
  const { cause, mismatches } = result;
  const said = cause === null ? [] : cause.detail.split('\n').filter((line) => line.trim() !== '');
  return [
    ...said.slice(0, MAX_LINES),
    ...mismatches.map(
      ({ component, wrote, reads }) =>
        `${component}: written v${wrote ?? '?'}, read ${reads.length === 0 ? 'not at all' : `v${reads.join(', v')}`}`,
    ),
  ];
}

export function resultOf(run: string, results: string): Result | null {
  const read = readRun(join(results, run));
  return read.state === 'whole' ? read.result : null;
}

/** Whether the kernel that ran first came up. A run that the lab could not do says nothing. */
export function cameUp({ timeline }: Pick<Result, 'timeline'>): boolean {
  return timeline.some(({ epoch, what }) => epoch === 0 && what.startsWith('user space of '));
}
