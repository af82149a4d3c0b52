// SPDX-License-Identifier: Apache-2.0
// The pages that an IOMMU's tables lie in: whose are they, and what became of those that the last kernel handed over?
import { createHash } from 'node:crypto';
import type { DeviceTables } from '../../../oracles/iommu/index.js';
import { STRUCT_PAGE } from '../../../oracles/pages/khop.js';
import { pageState, type PageState } from '../../../oracles/pages/page-state.js';
import { PAGE } from '../../../oracles/files/pattern.js';
import { readStructs } from '../../../qemu/vmemmap.js';
import type { Needs } from '../../engine/parts.js';
import type { MachineView } from '../../machine/view.js';

/** Asks the kernel that runs now what it does with a page. Null for pages that its array does not tell of. */
export async function pageStates({ view }: Needs<'view'>): Promise<(phys: number) => PageState | null> {
  const array = await view.pageArray();
  const struct = Buffer.alloc(STRUCT_PAGE);
  return (phys) =>
    array !== null && readStructs(view.memory, array, Math.floor(phys / PAGE), struct) ? pageState(struct) : null;
}

/**
 * Pages of the tables that are free memory: whoever gets one next writes into what the device's DMA is translated by.
 */
export function freeTablePages({ tables }: DeviceTables, stateOf: (phys: number) => PageState | null): number[] {
  return tables.filter(({ phys }) => stateOf(phys) === 'free').map(({ phys }) => phys);
}

/**
 * What the pages of the tables hold, to know them again: physical address to digest. Pages that are all zero are left
 * out.
 */
export function tableContents({ memory }: Pick<MachineView, 'memory'>, { tables }: DeviceTables): Map<number, string> {
  const page = Buffer.alloc(PAGE);
  return new Map(
    tables.flatMap(({ phys }): [number, string][] =>
      memory.read(phys, page) && !page.equals(ZEROES) ? [[phys, digest(page)]] : [],
    ),
  );
}

const ZEROES = Buffer.alloc(PAGE);

function digest(page: Buffer): string {
  return createHash('sha1').update(page).digest('base64');
}

/**
 * Of tables that were handed over, those that nobody gave back: they are still marked, or they are in use, hold what
 * they held, and no table leads to them any more.
 * @param old what they held before the jump
 * @param inUse pages of the tables that the device has now
 */
export function leakedTablePages(
  { memory }: Pick<MachineView, 'memory'>,
  old: ReadonlyMap<number, string>,
  inUse: ReadonlySet<number>,
  stateOf: (phys: number) => PageState | null,
): number[] {
  const page = Buffer.alloc(PAGE);
  return [...old]
    .filter(([phys, held]) => {
      if (inUse.has(phys)) return false;
      const state = stateOf(phys);
      return state === 'handed-over' || (state === 'in-use' && memory.read(phys, page) && digest(page) === held);
    })
    .map(([phys]) => phys);
}
