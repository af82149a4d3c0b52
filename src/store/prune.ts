// SPDX-License-Identifier: Apache-2.0
// Removes old runs by rule. Whatever their age, these stay: runs that a report links to, the newest nights with all
// their runs, nights that have not ended, and the first and last run that showed each bug, so that the history still
// knows since when it exists.
import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { removeTemp, trackTemp } from '../util/process/reaper.js';
import type { History, NightRow } from './history/index.js';
import { readAttempts } from './matrix/folder.js';
import { linkedByReports } from './matrix/reports.js';

export interface PruneRule {
  /** Runs and nights that began after this time stay; milliseconds since 1970. */
  before: number;
  /** This many of the newest nights of each plan stay. */
  nights: number;
}

export interface Pruning {
  /** Names under results/ to remove, oldest first. */
  runs: string[];
  nights: string[];
  /** How many old ones stay, and why. */
  kept: { reports: number; nights: number; bugs: number };
}

export function planPruning(results: string, history: History, rule: PruneRule): Pruning {
  const linked = linkedByReports(results);
  const ofNights = new Set<string>();
  const nights: NightRow[] = [];
  const seen = new Map<string, number>();
  for (const night of history.nights()) {
    const nth = (seen.get(night.plan) ?? 0) + 1;
    seen.set(night.plan, nth);
    if (nth > rule.nights && night.ended !== null && night.started < rule.before && !linked.has(night.name))
      nights.push(night);
    else
      for (const { run } of readAttempts(join(resolve(results), night.name)).attempts)
        if (run !== null) ofNights.add(run);
  }
  const ofBugs = new Set(history.bugs().flatMap(({ first, last }) => [first.run, last.run]));
  const kept = { reports: 0, nights: 0, bugs: 0 };
  const runs = history.runsBefore(rule.before).filter((name) => {
    const why = linked.has(name) ? 'reports' : ofNights.has(name) ? 'nights' : ofBugs.has(name) ? 'bugs' : null;
    if (why !== null) kept[why]++;
    return why === null;
  });
  return { runs, nights: nights.map(({ name }) => name).reverse(), kept };
}

/** Removes what `planPruning` selected. A folder is renamed first, so that a reader sees it complete or not at all. */
export function prune(results: string, { runs, nights }: Pick<Pruning, 'runs' | 'nights'>): void {
  for (const name of [...nights, ...runs]) {
    const path = join(resolve(results), name);
    const gone = join(resolve(results), `.pruned-${name}`);
    if (!existsSync(path)) continue;
    trackTemp(gone);
    renameSync(path, gone);
    removeTemp(gone);
  }
}
