// SPDX-License-Identifier: Apache-2.0
// A map of physical memory: the state of each preserved page, as runs of pages.
import type { PhysState } from '../../model/result/result.js';

export interface PhysRun {
  pfn: number;
  count: number;
  state: PhysState;
}

/** Takes pages in any order. It joins a page to the run before it if they are adjacent and in the same state. */
export class PageMap {
  readonly runs: PhysRun[] = [];

  add(pfn: number, state: PhysState, count = 1): void {
    const last = this.runs.at(-1);
    if (last !== undefined && last.state === state && last.pfn + last.count === pfn) last.count += count;
    else this.runs.push({ pfn, count, state });
  }
}

/**
 * Sorts runs by address and joins neighbours. If more than `max` remain, it drops the shortest and counts their pages.
 */
export function joinRuns(runs: readonly PhysRun[], max: number): { runs: PhysRun[]; leftOut: number } {
  const joined = new PageMap();
  for (const { pfn, count, state } of [...runs].sort((a, b) => a.pfn - b.pfn)) joined.add(pfn, state, count);
  if (joined.runs.length <= max) return { runs: joined.runs, leftOut: 0 };
  const kept = new Set([...joined.runs].sort((a, b) => b.count - a.count).slice(0, max));
  const leftOut = joined.runs.reduce((sum, run) => sum + (kept.has(run) ? 0 : run.count), 0);
  return { runs: joined.runs.filter((run) => kept.has(run)), leftOut };
}
