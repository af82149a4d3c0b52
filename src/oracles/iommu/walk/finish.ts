// SPDX-License-Identifier: Apache-2.0
// Turns a walk into its result: walks the page tables, checks the targets and collects everything in one record.
import { hex } from '../../../handover/memory/memory.js';
import { PageWalk, type PageFormat } from './pages.js';
import { RunList } from './runs.js';
import { type DeviceTables, type MappingRun, MAX_RUNS, type WalkOptions } from './types.js';
import type { Walk } from './walk.js';

/** The result of the part of the walk that leads to the page tables. */
export type Found = Pick<DeviceTables, 'state' | 'mode'> &
  Partial<Pick<DeviceTables, 'levels' | 'domain' | 'mappings'>>;

/** Size of a physical address space of 52 bits: all that a device reaches without translation. */
const ALL_OF_IT = 2 ** 52;

export function everything(rights: MappingRun['rights'] = 'rw'): MappingRun[] {
  return [{ iova: 0n, phys: 0, length: ALL_OF_IT, rights }];
}

/**
 * Walks page tables from `root`.
 * @param from address of the entry that leads to them
 * @param rights the rights that this entry grants
 */
export function walkPages(
  walk: Walk,
  options: WalkOptions,
  format: PageFormat,
  root: number,
  levels: number,
  from: number,
  rights: number,
): MappingRun[] {
  const runs = new RunList(options.maxRuns ?? MAX_RUNS);
  new PageWalk(walk, format, runs).from(root, levels, from, rights);
  const mappings = runs.done();
  checkTargets(walk, options, mappings);
  return mappings;
}

export function result(walk: Walk, iommu: DeviceTables['iommu'], sourceId: number, found: Found): DeviceTables {
  const { tables, problems, problemCount, complete } = walk;
  return {
    iommu,
    sourceId,
    levels: null,
    domain: null,
    mappings: [],
    ...found,
    tables,
    problems,
    problemCount,
    complete,
  };
}

function checkTargets(walk: Walk, { ram }: WalkOptions, mappings: readonly MappingRun[]): void {
  if (ram === undefined) return;
  for (const { iova, phys, length } of mappings) {
    if (!ram.some(({ start, end }) => phys >= start && phys + length <= end)) {
      walk.problem(
        'target-outside-ram',
        null,
        `IOVA ${hex(iova)} (${length} bytes) leads to ${hex(phys)}: not all of that is RAM`,
      );
    }
  }
}

/**
 * Formats an address as lspci does: `00:1f.2`.
 * @param sourceId bus << 8 | devfn
 */
export function addressText(sourceId: number): string {
  const part = (value: number): string => value.toString(16).padStart(2, '0');
  return `${part((sourceId >> 8) & 0xff)}:${part((sourceId >> 3) & 0x1f)}.${sourceId & 7}`;
}
