// SPDX-License-Identifier: Apache-2.0
// Size, mode, seals and position of files in the running kernel, read from its own inodes.
import type { FileMetadata, PagesOfFile } from '../../../model/evidence/handed-over.js';
import { OpenFiles, type Positions } from '../../../oracles/handed-over/open-files.js';
import { cachePlaceOf, mappingOf } from '../../../oracles/pages/folio.js';
import { kernelRoots, readLinear } from '../../../qemu/pagetable.js';
import type { Needs } from '../../engine/parts.js';
import { shiftOf } from '../../kernel/shift.js';
import { addressOf } from '../../machine/symbols.js';
import { structsOf } from '../pages.js';

/** Finds the file behind a mapping; null if there is none. */
export type MetadataOf = (mapping: bigint | null) => FileMetadata | null;

/** Null if the lab does not know where this kernel keeps its open files. */
export async function metadataIn({
  plan,
  recorder,
  view,
}: Needs<'plan' | 'recorder' | 'view'>): Promise<MetadataOf | null> {
  const places = plan.filePlaces?.[recorder.epoch];
  const kernel = plan.kernels[recorder.epoch];
  const registers = await view.registers();
  if (places == null || kernel === undefined || registers === null) return null;
  const roots = kernelRoots(registers);
  const files = new OpenFiles(
    (linear, into) => roots.some((root) => readLinear(view.memory, root, linear, into)),
    places,
  );
  const initTask = addressOf(kernel, 'init_task');
  const shift = shiftOf(kernel, view.memory, registers);
  const positions: Positions = initTask === null ? new Map() : await view.scan(files.positions(initTask + shift));
  return (mapping) => (mapping === null ? null : files.metadata(mapping, positions));
}

/** The same, of files whose pages are in the page cache. */
export async function metadataOfPages(
  parts: Needs<'plan' | 'recorder' | 'view'>,
): Promise<(runs: readonly PagesOfFile[]) => FileMetadata | null> {
  const [find, array] = [await metadataIn(parts), await parts.view.pageArray()];
  if (find === null || array === null) return () => null;
  const structOf = structsOf(parts.view.memory, array);
  return ([first]) => {
    const place = first === undefined ? null : cachePlaceOf(structOf, first.pfn);
    return find(place === null ? null : mappingOf(place));
  };
}
