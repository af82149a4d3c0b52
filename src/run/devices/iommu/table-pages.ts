// SPDX-License-Identifier: Apache-2.0
// The pages of an IOMMU's tables: their state in the running kernel, and which of the handed-over pages have leaked.
import { createHash } from 'node:crypto';
import type { DeviceTables } from '../../../oracles/iommu/index.js';
import { STRUCT_PAGE } from '../../../oracles/pages/khop.js';
import { pageState, type PageState } from '../../../oracles/pages/page-state.js';
import { PAGE } from '../../../oracles/files/pattern.js';
import { readStructs } from '../../../qemu/vmemmap.js';
import type { Needs } from '../../engine/parts.js';
import type { MachineView } from '../../machine/view.js';

/** Looks up the state of pages in the running kernel; null for pages that its array does not cover. */
export async function pageStates({ view }: Needs<'view'>): Promise<(phys: number) => PageState | null> {
  const array = await view.pageArray();
  const struct = Buffer.alloc(STRUCT_PAGE);
  return (phys) =>
    array !== null && readStructs(view.memory, array, Math.floor(phys / PAGE), struct) ? pageState(struct) : null;
}

/** Pages of the tables that are free memory: the next owner of such a page overwrites the device's translation. */
export function freeTablePages({ tables }: DeviceTables, stateOf: (phys: number) => PageState | null): number[] {
  return tables.filter(({ phys }) => stateOf(phys) === 'free').map(({ phys }) => phys);
}

/** Digests of the pages of the tables by physical address, to recognise them later; without pages of zeroes. */
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
 * Pages of handed-over tables that were never released: they are still marked, or they are in use with their old
 * content while no table leads to them.
 * @param old digests of the pages before the kexec
 * @param inUse pages of the device's current tables
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
