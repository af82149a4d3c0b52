// SPDX-License-Identifier: Apache-2.0
// Joins neighbouring folios, and neighbouring areas of memory, into runs.
import type { FolioRun } from '../model/result/handover-dump.js';
import type { Area } from './kho/areas.js';
import { hex } from './memory/memory.js';

export interface FolioEntry {
  pfn: bigint;
  /** First page of the file in this folio. */
  index: bigint;
  flags: number;
  pages: number;
  preserved: boolean | null;
}

export function newRun({ pfn, index, flags, pages, preserved }: FolioEntry): FolioRun {
  return { index: String(index), pfn: hex(pfn), step: 1, pages, folios: 1, flags, preserved };
}

/** Adds a folio to the last run. Returns false if it does not continue that run. */
export function extendRun(last: FolioRun | undefined, folio: FolioEntry): boolean {
  if (last === undefined || last.flags !== folio.flags || last.preserved !== folio.preserved) return false;
  if (BigInt(last.index) + BigInt(last.pages) !== folio.index) return false;
  const step = stepTo(last, folio);
  if (step === null) return false;
  last.step = step;
  last.pages += folio.pages;
  last.folios++;
  return true;
}

/** The direction in memory in which a folio continues a run, or null. Only single pages may run downwards. */
function stepTo({ pfn: first, pages, folios, step }: FolioRun, next: FolioEntry): 1 | -1 | null {
  const start = BigInt(first);
  if ((step === 1 || pages === 1) && start + BigInt(pages) === next.pfn) return 1;
  const singlePages = folios === pages && next.pages === 1;
  return singlePages && (step === -1 || pages === 1) && start - BigInt(pages) === next.pfn ? -1 : null;
}

export function mergeAreas(areas: readonly Area[]): { pfn: string; pages: number }[] {
  const runs: { first: number; pages: number }[] = [];
  for (const { pfn, order } of areas) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.pages === pfn) last.pages += 2 ** order;
    else runs.push({ first: pfn, pages: 2 ** order });
  }
  return runs.map(({ first, pages }) => ({ pfn: hex(first), pages }));
}
