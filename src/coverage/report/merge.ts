// SPDX-License-Identifier: Apache-2.0
// Puts the coverage of many runs together, by kernel.
import type { CodeAddress, Coverage, RanBlock } from '../../model/result/coverage.js';
import { RanCode } from '../code/tally.js';

export interface CoveredRun {
  /** Its scenario. */
  label: string;
  coverage: Coverage;
}

/** What one run ran in a kernel, in one role or both. */
export interface RunOfKernel {
  label: string;
  ran: RanCode;
}

export interface MergedKernel {
  name: string;
  sha256: string;
  /** Epochs that were seen: as the first kernel of a run, and as a later one. */
  asFirst: number;
  asNext: number;
  runs: RunOfKernel[];
  ran: RanCode;
  /** What was not seen, and how often. */
  blind: Map<string, number>;
}

/** By content of the kernel, those with most runs first. */
export function mergeRuns(runs: readonly CoveredRun[]): MergedKernel[] {
  const kernels = new Map<string, MergedKernel & { blocks: Map<CodeAddress, number> }>();
  for (const { label, coverage } of runs) {
    const own = new Map<string, RanBlock[]>();
    for (const { epoch, kernel, blind, blocks } of coverage.epochs) {
      let merged = kernels.get(kernel.sha256);
      if (merged === undefined) {
        merged = {
          ...kernel,
          asFirst: 0,
          asNext: 0,
          runs: [],
          ran: new RanCode([]),
          blind: new Map(),
          blocks: new Map(),
        };
        kernels.set(kernel.sha256, merged);
      }
      if (epoch === 0) merged.asFirst++;
      else merged.asNext++;
      if (blind !== null) merged.blind.set(blind, (merged.blind.get(blind) ?? 0) + 1);
      for (const [start, size] of blocks) merged.blocks.set(start, Math.max(size, merged.blocks.get(start) ?? 0));
      own.set(kernel.sha256, [...(own.get(kernel.sha256) ?? []), ...blocks]);
    }
    for (const [sha256, blocks] of own) kernels.get(sha256)?.runs.push({ label, ran: new RanCode(blocks) });
  }
  return [...kernels.values()]
    .map(({ blocks, ...merged }) => ({ ...merged, ran: new RanCode(blocks) }))
    .sort((a, b) => b.runs.length - a.runs.length);
}
