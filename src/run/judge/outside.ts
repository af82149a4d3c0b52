// SPDX-License-Identifier: Apache-2.0
// Looks at the machine from outside: the physical pages of files, and the pages that KHO still marks as handed over.
import { baselinePages, type BaselinePage } from '../../oracles/pages/baseline.js';
import { Snapshot } from '../../oracles/guest/index.js';
import { countPages, findKhop, KhopIndex, type KhopPages } from '../../oracles/pages/khop.js';
import { lookOutside, type ReadPhys } from '../../oracles/files/outside.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { eachStructPage } from '../../qemu/vmemmap.js';
import { checkInside } from '../agent/inspect.js';
import type { RunContext } from '../engine/context.js';
import type { Machine } from '../machine/machine.js';
import { type Kernels, pageArray } from '../machine/page-array.js';
import type { FileState, RunState } from '../engine/state.js';

export interface MarkedPages {
  found: KhopPages[];
  index: KhopIndex;
  /** Pages, not folios. */
  total: number;
  /** On arrival: what those hold that belong to no file, by page frame (closing.ts). */
  others?: Map<number, string>;
}

export function reader(machine: Machine): ReadPhys {
  return (phys, into) => machine.memory.read(phys, into);
}

/** All pages that KHO marks now; null where the kernel's page array could not be found. */
export async function markedPages(context: Kernels): Promise<MarkedPages | null> {
  const array = await pageArray(context);
  if (array === null) return null;
  const found: KhopPages[] = [];
  const entries = eachStructPage(context.machine.memory, array, (structs, firstPfn) => {
    for (const pages of findKhop(structs, firstPfn)) found.push(pages);
  });
  return entries === 0 ? null : { found, index: new KhopIndex(found), total: countPages(found) };
}

/** The marked pages that belong to the handover itself; `files` are known to belong to files. */
export function baselineOf(
  machine: Machine,
  marked: MarkedPages,
  files: readonly Pick<FileState, 'runs'>[],
  { handover, flbHeader }: Pick<RunState, 'handover' | 'flbHeader'>,
): BaselinePage[] {
  const own = new Set<number>();
  for (const file of files) for (const run of file.runs) for (let i = 0; i < run.count; i++) own.add(run.pfn + i);
  return baselinePages(
    reader(machine),
    marked.found.filter(({ pfn }) => !own.has(pfn)),
    handover?.luo ? Number(handover.luo.flbs / BigInt(PAGE)) : flbHeader,
  );
}

/**
 * Before a kexec: every page of every held file must hold, seen from outside, what was written from inside. Where it
 * does not, and user space sees nothing wrong either, the witness outside is blind for this file.
 */
export async function lookBefore(context: RunContext, files: readonly FileState[]): Promise<void> {
  for (const file of files) {
    if (file.pattern instanceof Snapshot) continue; // guest-look.ts
    file.before = lookOutside(reader(context.machine), file.pattern, file.runs);
    const { different, pages, first } = file.before;
    context.recorder.event({
      kind: 'oracle',
      oracle: `content of ${file.name} before the kexec`,
      side: 'outside',
      ok: different === 0,
      detail: different === 0 ? `${pages} pages` : `${different} of ${pages} pages differ, first page ${first?.page}`,
    });
    if (different === 0 || context.state.touched.has(file.name)) continue;
    await checkInside(context, file, file.name);
    if (file.inside?.bad !== 0) continue;
    // Either the kernel told wrong pages or the lab reads them wrong: content seen from outside says nothing about this
    // file.
    file.hidden = `${different} pages differ seen from outside before the kexec, none seen from inside; first page ${first?.page} at 0x${first?.phys.toString(16)}`;
    file.runs = [];
  }
}
