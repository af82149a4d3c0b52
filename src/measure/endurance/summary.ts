// SPDX-License-Identifier: Apache-2.0
// What an endurance found: a line for each kind of round, the growth of the worker, and one line at the end.
import type { Entry } from './journal.js';

/** KiB that a run may add to a process that lives on, over all samples of one worker. Node's heap breathes below. */
export const MAX_SLOPE_KIB = 64;
/** Below this many samples a slope says nothing. */
export const MIN_SAMPLES = 12;
/** Samples in which a new process fills its caches. */
const WARM_UP = 4;

export interface Growth {
  pid: number;
  samples: number;
  /** KiB each sample, by least squares. */
  slope: number;
}

/** Least squares over equally spaced samples. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [above, below] = [0, 0];
  values.forEach((value, index) => {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  });
  return below === 0 ? 0 : above / below;
}

/** Growth of every worker that lived long enough. */
export function growthOf(entries: readonly Entry[]): Growth[] {
  const byPid = new Map<number, number[]>();
  for (const { worker } of entries)
    if (worker !== null) byPid.set(worker.pid, [...(byPid.get(worker.pid) ?? []), worker.rssKiB]);
  return [...byPid].flatMap(([pid, all]) => {
    const values = all.slice(WARM_UP);
    return values.length < MIN_SAMPLES ? [] : [{ pid, samples: values.length, slope: slopeOf(values) }];
  });
}

const sum = (entries: readonly Entry[], of: (entry: Entry) => number) =>
  entries.reduce((total, entry) => total + of(entry), 0);

export interface Summary {
  lines: string[];
  good: boolean;
}

export function summarise(entries: readonly Entry[]): Summary {
  const kinds = [...new Set(entries.map(({ kind }) => kind))].sort();
  const lines = kinds.map((kind) => {
    const of = entries.filter((entry) => entry.kind === kind);
    const skipped = of.find((entry) => entry.skipped !== null)?.skipped ?? null;
    const ends = of.flatMap(({ endedMs }) => endedMs ?? []);
    const slowest = ends.length === 0 ? '' : `, ended within ${(Math.max(...ends) / 1000).toFixed(2)} s of Ctrl-C`;
    return (
      `${kind}: ${of.length} rounds, ${sum(of, ({ runs }) => runs)} runs, ` +
      `${sum(of, ({ right }) => right)} right verdicts, ` +
      `${of.filter(({ problems }) => problems.length > 0).length} rounds with problems${slowest}` +
      (skipped === null ? '' : ` (skipped: ${skipped})`)
    );
  });
  const growths = growthOf(entries);
  for (const { pid, samples, slope } of growths)
    lines.push(`memory of worker ${pid}: ${slope.toFixed(0)} KiB more each round, over ${samples} rounds`);
  const problems = entries.filter((entry) => entry.problems.length > 0);
  for (const { round, kind, problems: found } of problems) lines.push(`round ${round}, ${kind}: ${found.join('; ')}`);
  const grown = growths.filter(({ slope }) => slope > MAX_SLOPE_KIB).length;
  const good = entries.length > 0 && problems.length === 0 && grown === 0;
  lines.push(
    `${good ? 'good' : 'FAILED'}: ${sum(entries, ({ runs }) => runs)} runs in ${entries.length} rounds, ` +
      `${problems.length} with problems, ${grown} growing workers, ` +
      `${(sum(entries, ({ seconds }) => seconds) / 60).toFixed(0)} min`,
  );
  return { lines, good };
}
