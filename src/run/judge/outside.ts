// SPDX-License-Identifier: Apache-2.0
// Looks from outside: at the content of files before a kexec, and at the marked pages of the handover itself.
import { PageRanges } from '../../oracles/pages/page-ranges.js';
import { baselinePages, type BaselinePage } from '../../oracles/pages/baseline.js';
import { Snapshot } from '../../oracles/guest/index.js';
import { lookOutside } from '../../oracles/files/outside.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { checkInside } from '../agent/inspect.js';
import type { Needs } from '../engine/parts.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { type MachineView, reader } from '../machine/view.js';
import type { FileState } from '../state/file.js';
import type { RunState } from '../state/run-state.js';

/**
 * Finds the marked pages that belong to the handover itself.
 * @param files the files whose pages do not count
 */
export function baselineOf(
  view: Pick<MachineView, 'memory'>,
  marked: MarkedPages,
  files: readonly Pick<FileState, 'runs'>[],
  { handover, flbHeader }: Pick<RunState, 'handover' | 'flbHeader'>,
): BaselinePage[] {
  const own = new PageRanges(files.flatMap(({ runs }) => runs));
  return baselinePages(
    reader(view),
    marked.found.filter(({ pfn }) => !own.has(pfn)),
    handover?.luo ? Number(handover.luo.flbs / BigInt(PAGE)) : flbHeader,
  );
}

/**
 * Before a kexec: compares every page of every preserved file, seen from outside, with what was written from inside.
 * Where they differ and user space sees the right content, the witness `outside` is blind for this file.
 */
export async function snapshotBefore(
  parts: Needs<'recorder' | 'state' | 'agents' | 'view'>,
  files: readonly FileState[],
): Promise<void> {
  for (const file of files) {
    if (file.pattern instanceof Snapshot) continue; // guests/inspect.ts
    file.before = await parts.view.scan(lookOutside(reader(parts.view), file.pattern, file.runs));
    const { different, pages, first } = file.before;
    parts.recorder.event({
      kind: 'oracle',
      oracle: `content of ${file.name} before the kexec`,
      side: 'outside',
      ok: different === 0,
      detail: different === 0 ? `${pages} pages` : `${different} of ${pages} pages differ, first page ${first?.page}`,
    });
    if (different === 0 || parts.state.touched.has(file.name)) continue;
    await checkInside(parts, file, file.name);
    if (file.inside?.bad !== 0) continue;
    // Either the kernel reported the wrong pages or the lab misreads them: the outside view of this file is useless.
    file.hidden =
      `${different} pages differ seen from outside before the kexec, none seen from inside; ` +
      `first page ${first?.page} at 0x${first?.phys.toString(16)}`;
    file.runs = [];
  }
}
