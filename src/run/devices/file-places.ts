// SPDX-License-Identifier: Apache-2.0
// The two pieces of a file that a device's transfers use, and where they are in physical memory.
import type { DeviceMapping } from '../../model/scenario/device.js';
import { PAGE, Pattern } from '../../oracles/files/pattern.js';
import type { Needs } from '../engine/parts.js';
import { runsOf } from '../agent/operations.js';
import type { FileState } from '../state/file.js';

/** Bytes of one piece: fits half a page and edu's buffer, whose last byte QEMU before 8.0 cannot transfer. */
export const PIECE = 2040;

/** One piece of a mapped file; `content` is what the scenario put there. */
export interface Place {
  iova: number;
  phys: number;
  content: Uint8Array;
}

/** The file of a mapping, with its pages looked up; null where the agent does not have the file. */
export async function mappedFile(
  parts: Needs<'plan' | 'state' | 'agents'>,
  { file: name }: DeviceMapping,
): Promise<FileState | null> {
  const { agents, state } = parts;
  const file = state.files.get(name);
  if (file === undefined) return null;
  if (file.runs.length === 0) {
    const reply = await agents.call('pfns', { file: name }, { bytes: file.spec.size });
    if (reply.ok) file.runs = runsOf(reply, parts.plan.scenario.machine.memory);
  }
  return file;
}

/**
 * Picks the pieces: `from` starts at the first page with content, `to` at the second half of the last one.
 * @returns null where the pages are not known
 */
export function placesIn({ iova }: DeviceMapping, file: FileState): { from: Place; to: Place } | null {
  const { pattern } = file;
  if (!(pattern instanceof Pattern)) return null;
  let first = 0;
  while (first < pattern.pages && pattern.isHole(first)) first++;
  let last = pattern.pages - 1;
  while (last > 0 && pattern.isHole(last)) last--;
  const place = (page: number, offset: number): Place | null => {
    const run = file.runs.find((each) => page >= each.page && page < each.page + each.count);
    if (run === undefined) return null;
    return {
      iova: iova + page * PAGE + offset,
      phys: (run.pfn + page - run.page) * PAGE + offset,
      content: pattern.page(page).subarray(offset, offset + PIECE),
    };
  };
  const [from, to] = [place(Math.min(first, last), 0), place(last, PAGE / 2)];
  return from === null || to === null ? null : { from, to };
}
