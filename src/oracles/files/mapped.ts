// SPDX-License-Identifier: Apache-2.0
// Checks that a device reaches the pages of a file, and no others, at the IOVA where the file was mapped for it.
import type { MappingRun } from '../iommu/index.js';
import type { PfnRun } from './outside.js';
import { PAGE } from './pattern.js';

export interface MappedCheck {
  pages: number;
  right: number;
  /** Pages that lead to other memory, and pages that are not mapped. */
  wrong: number;
  missing: number;
  first: { page: number; iova: number; phys: number | null; expected: number } | null;
}

/**
 * Checks every page of a file.
 * @param mappings ascending by IOVA
 * @param iova start of the file
 * @param runs where its pages lie in physical memory
 */
export function checkMapped(mappings: readonly MappingRun[], iova: number, runs: readonly PfnRun[]): MappedCheck {
  const found: MappedCheck = { pages: 0, right: 0, wrong: 0, missing: 0, first: null };
  for (const run of runs) {
    for (let i = 0; i < run.count; i++) {
      const page = run.page + i;
      const at = iova + page * PAGE;
      const phys = physOf(mappings, BigInt(at));
      const expected = (run.pfn + i) * PAGE;
      found.pages++;
      if (phys === expected) {
        found.right++;
        continue;
      }
      if (phys === null) found.missing++;
      else found.wrong++;
      found.first ??= { page, iova: at, phys, expected };
    }
  }
  return found;
}

function physOf(mappings: readonly MappingRun[], iova: bigint): number | null {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const run = mappings[middle] as MappingRun;
    if (run.iova + BigInt(run.length) > iova) high = middle;
    else low = middle + 1;
  }
  const run = mappings[low];
  return run === undefined || iova < run.iova ? null : run.phys + Number(iova - run.iova);
}
