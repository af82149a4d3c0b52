// SPDX-License-Identifier: Apache-2.0
// Where in physical memory which page of what was handed over ended up in which state, as runs of pages.
import type { PhysState } from '../../model/result/result.js';

export interface PhysRun {
  pfn: number;
  count: number;
  state: PhysState;
}

/** Takes pages in any order; neighbours in the same state that come one after another become one run at once. */
export class PageMap {
  readonly runs: PhysRun[] = [];

  add(pfn: number, state: PhysState, count = 1): void {
    const last = this.runs.at(-1);
    if (last !== undefined && last.state === state && last.pfn + last.count === pfn) last.count += count;
    else this.runs.push({ pfn, count, state });
  }
}

/**
 * All of them in the order of memory, neighbours joined; where there are more than `most`, the shortest ones are left
 * out and their pages counted.
 */
export function joinRuns(runs: readonly PhysRun[], most: number): { runs: PhysRun[]; leftOut: number } {
  const joined = new PageMap();
  for (const { pfn, count, state } of [...runs].sort((a, b) => a.pfn - b.pfn)) joined.add(pfn, state, count);
  if (joined.runs.length <= most) return { runs: joined.runs, leftOut: 0 };
  const kept = new Set([...joined.runs].sort((a, b) => b.count - a.count).slice(0, most));
  const leftOut = joined.runs.reduce((sum, run) => sum + (kept.has(run) ? 0 : run.count), 0);
  return { runs: joined.runs.filter((run) => kept.has(run)), leftOut };
}
