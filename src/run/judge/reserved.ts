// SPDX-License-Identifier: Apache-2.0
// Memory reserved by name on the kernel command line (reserve_mem=). The lab fills it from outside. The agent of each
// kernel reports where it is, from the tree of the handover.
import type { Finding } from '../../console/index.js';
import { numberOf } from '../../guest/agent.js';
import type { MemfdSpec } from '../../model/scenario/scenario.js';
import { missingFile, returnedFile } from '../../oracles/files/file-verdict.js';
import type { KhopIndex } from '../../oracles/pages/khop.js';
import { PAGE, Pattern } from '../../oracles/files/pattern.js';
import type { PhysicalMemory } from '../../qemu/memory.js';
import { LabError } from '../../util/errors.js';
import type { Pieces } from '../../util/loop/turns.js';
import type { Needs } from '../engine/parts.js';
import type { FileRecord } from './records.js';
import type { ExpectedFile } from '../state/file.js';
import { reader } from '../machine/view.js';
import { finalizeWithoutLuo } from '../agent/finalize.js';

/** Pages that are filled without a turn of the loop. */
const PAGES_OF_PIECE = 256;

/** True where the kernel said that it does not understand the reserved memory that was handed over. */
function refused({ implies, title }: Finding): boolean {
  return implies === 'leak' && /reserve[-_]mem|'memblock'/.test(title);
}

/**
 * Asks where a reservation is now.
 * @returns its physical address, or null and the reason
 */
async function locate(
  parts: Needs<'agents' | 'view'>,
  name: string,
  size: number,
): Promise<{ phys: number | null; why: string }> {
  const reply = await parts.agents.call('reserve-mem', { name, size });
  // A kernel that hands nothing over itself answers from the tree that it was given. That tree means nothing if the
  // kernel refused it.
  if (reply.ok && reply.data['from'] === 'in' && parts.view.findings.some(refused))
    return { phys: null, why: 'the kernel refused the reservations that were handed over' };
  return reply.ok
    ? { phys: numberOf(reply, 'phys'), why: '' }
    : { phys: null, why: `${reply.errno} (${reply.at ?? ''})` };
}

/** In the first kernel: finds every reservation and fills it from outside. */
export async function fillReserved(parts: Needs<'plan' | 'state' | 'agents' | 'view' | 'machine'>): Promise<void> {
  if (parts.plan.scenario.reserveMem.length > 0) await finalizeWithoutLuo(parts);
  for (const { name, size, seed } of parts.plan.scenario.reserveMem) {
    const { phys, why } = await locate(parts, name, size);
    if (phys === null) throw new LabError(`reserve_mem ${name}: the first kernel does not report where it is: ${why}`);
    const spec: MemfdSpec = { kind: 'memfd', file: name, size, seed, holes: [], huge: false, seals: [], position: 0 };
    const pattern = new Pattern(spec);
    if (!(await parts.view.scan(fill(parts.machine.memory, pattern, phys))))
      throw new LabError(`reserve_mem ${name}: no RAM at 0x${phys.toString(16)}`);
    parts.state.reserved.push({
      name,
      session: null,
      token: null,
      spec,
      pattern,
      runs: [{ page: 0, pfn: phys / PAGE, count: pattern.pages }],
      before: null,
      hugeKiB: 0,
      retrieved: null,
      errno: null,
    });
  }
}

/** Returns false if there is no RAM. */
function* fill(memory: Pick<PhysicalMemory, 'write'>, pattern: Pattern, phys: number): Pieces<boolean> {
  for (let page = 0; page < pattern.pages; page++) {
    if (!memory.write(phys + page * PAGE, pattern.page(page))) return false;
    if (page % PAGES_OF_PIECE === 0) yield;
  }
  return true;
}

/** In the next kernel: every reservation must be in its place with its content; if not, it is lost or leaked. */
export async function judgeReserved(
  parts: Needs<'recorder' | 'state' | 'agents' | 'view'>,
  marked: KhopIndex,
): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  const read = reader(parts.view);
  for (const area of parts.state.reserved) {
    const { phys, why } = await locate(parts, area.name, area.spec.size);
    const was = (area.runs[0]?.pfn ?? 0) * PAGE;
    const fresh = phys === was && isFresh(parts, area, marked);
    const before = fresh ? 'where it was' : `was at 0x${was.toString(16)}`;
    const verdict =
      phys !== null && !fresh && (phys === was || overlaps(phys, was, area.spec.size) || saysRevived(parts, area.name))
        ? await parts.view.scan(
            returnedFile(
              read,
              area.pattern,
              area.runs,
              [{ page: 0, pfn: Math.floor(phys / PAGE), count: area.spec.size / PAGE }],
              {
                problems: phys === was ? [] : [`revived at 0x${phys.toString(16)}, was at 0x${was.toString(16)}`],
                badPages: null,
              },
            ),
          )
        : await parts.view.scan(
            missingFile(
              read,
              area.pattern,
              area.runs,
              marked,
              phys === null ? `not found: ${why}` : `reserved again at 0x${phys.toString(16)}, ${before}`,
            ),
          );
    if (verdict.state !== 'intact') parts.state.reservedGone.add(area.name);
    records.push({ kind: 'reserve_mem', file: area, verdict });
  }
  return records;
}

/**
 * True where the kernel reserved new memory in the old place. Memory that was handed over stays marked, and the kernel
 * says that it revived it.
 */
function isFresh(parts: Needs<'recorder' | 'view'>, { name, runs }: ExpectedFile, marked: KhopIndex): boolean {
  return (
    !marked.isEmpty && !saysRevived(parts, name) && runs.every(({ pfn, count }) => marked.marked(pfn, count) === 0)
  );
}

/** A kernel cannot reserve new memory over an area that was handed over: it must have revived the area. */
function overlaps(phys: number, was: number, size: number): boolean {
  return Math.abs(phys - was) < size;
}

function saysRevived({ view, recorder }: Needs<'recorder' | 'view'>, name: string): boolean {
  return view.findings.some(
    ({ epoch, text }) => epoch === recorder.epoch && text.includes(`Revived memory reservation '${name}' from KHO`),
  );
}

/** True where a page belongs to a reservation that the next kernel has revived. */
export function isRevived(records: readonly FileRecord[], pfn: number): boolean {
  return records.some(
    ({ kind, verdict, file }) =>
      kind === 'reserve_mem' &&
      (verdict.state === 'intact' || verdict.state === 'corrupt') &&
      file.runs.some((run) => pfn >= run.pfn && pfn < run.pfn + run.count),
  );
}
