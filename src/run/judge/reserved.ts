// SPDX-License-Identifier: Apache-2.0
// Memory reserved by name on the kernel command line (reserve_mem=). The lab writes its content from outside; user
// space of each kernel tells where it lies, as the handover's own tree has it.
import type { Finding } from '../../console/index.js';
import { numberOf } from '../../guest/agent.js';
import type { MemfdSpec } from '../../model/scenario/scenario.js';
import { missingFile, returnedFile } from '../../oracles/files/file-verdict.js';
import type { KhopIndex } from '../../oracles/pages/khop.js';
import { PAGE, Pattern } from '../../oracles/files/pattern.js';
import { LabError } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import type { FileRecord } from './records.js';
import type { ExpectedFile } from '../state/file.js';
import { reader } from '../machine/view.js';
import { finalizeWithoutLuo } from '../agent/finalize.js';

/** The kernel said that it does not understand what it was handed of reserved memory. */
function refused({ implies, title }: Finding): boolean {
  return implies === 'leak' && /reserve[-_]mem|'memblock'/.test(title);
}

/** Asks where a reservation lies now. @returns physical address, or null with the reason */
async function locate(
  parts: Needs<'agents' | 'view'>,
  name: string,
  size: number,
): Promise<{ phys: number | null; why: string }> {
  const reply = await parts.agents.call('reserve-mem', { name, size });
  // Where the kernel hands on nothing itself, the tree that it was handed answers: it says nothing once the kernel has
  // refused it.
  if (reply.ok && reply.data['from'] === 'in' && parts.view.findings.some(refused))
    return { phys: null, why: 'the kernel did not take it up' };
  return reply.ok
    ? { phys: numberOf(reply, 'phys'), why: '' }
    : { phys: null, why: `${reply.errno} (${reply.at ?? ''})` };
}

/** First kernel: finds every reservation and fills it from outside. */
export async function fillReserved(parts: Needs<'plan' | 'state' | 'agents' | 'view' | 'machine'>): Promise<void> {
  if (parts.plan.scenario.reserveMem.length > 0) await finalizeWithoutLuo(parts);
  for (const { name, size, seed } of parts.plan.scenario.reserveMem) {
    const { phys, why } = await locate(parts, name, size);
    if (phys === null) throw new LabError(`reserve_mem ${name}: the first kernel does not tell where it lies: ${why}`);
    const spec: MemfdSpec = { kind: 'memfd', file: name, size, seed, holes: [], huge: false, seals: [], position: 0 };
    const pattern = new Pattern(spec);
    for (let page = 0; page < pattern.pages; page++) {
      if (!parts.machine.memory.write(phys + page * PAGE, pattern.page(page)))
        throw new LabError(`reserve_mem ${name}: no RAM at 0x${phys.toString(16)}`);
    }
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

/** The next kernel: is it at the same place, with the same content? Where not, its old pages are lost or leaked. */
export async function judgeReserved(
  parts: Needs<'recorder' | 'state' | 'agents' | 'view'>,
  marked: KhopIndex,
): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  const read = reader(parts.view);
  for (const area of parts.state.reserved) {
    const { phys, why } = await locate(parts, area.name, area.spec.size);
    const was = (area.runs[0]?.pfn ?? 0) * PAGE;
    const anew = phys === was && isMadeAnew(parts, area, marked);
    const verdict =
      phys !== null && !anew && (phys === was || isTakenUp(parts, area.name, Math.abs(phys - was) < area.spec.size))
        ? returnedFile(
            read,
            area.pattern,
            area.runs,
            [{ page: 0, pfn: Math.floor(phys / PAGE), count: area.spec.size / PAGE }],
            {
              problems: phys === was ? [] : [`taken up at 0x${phys.toString(16)}, was at 0x${was.toString(16)}`],
              badPages: null,
            },
          )
        : missingFile(
            read,
            area.pattern,
            area.runs,
            marked,
            phys === null
              ? `not found: ${why}`
              : `reserved anew at 0x${phys.toString(16)}, ${anew ? 'where it was' : `was at 0x${was.toString(16)}`}`,
          );
    if (verdict.state !== 'intact') parts.state.reservedGone.add(area.name);
    records.push({ kind: 'reserve_mem', file: area, verdict });
  }
  return records;
}

/**
 * The kernel has a reservation from what it was handed, and did not make it anew: it says so, or has it over memory
 * that it could not have given out.
 */
function isTakenUp(parts: Needs<'recorder' | 'view'>, name: string, overlaps: boolean): boolean {
  return overlaps || saysRevived(parts, name);
}

/**
 * A kernel that was handed nothing may make the area at the very same place. What was handed over stays marked; and the
 * kernel says that it took it up.
 */
function isMadeAnew(parts: Needs<'recorder' | 'view'>, { name, runs }: ExpectedFile, marked: KhopIndex): boolean {
  return (
    !marked.isEmpty && !saysRevived(parts, name) && runs.every(({ pfn, count }) => marked.marked(pfn, count) === 0)
  );
}

function saysRevived({ view, recorder }: Needs<'recorder' | 'view'>, name: string): boolean {
  return view.findings.some(
    ({ epoch, text }) => epoch === recorder.epoch && text.includes(`Revived memory reservation '${name}' from KHO`),
  );
}

/** True where a page range belongs to a reservation that the next kernel has taken up again. */
export function isRevived(records: readonly FileRecord[], pfn: number): boolean {
  return records.some(
    ({ kind, verdict, file }) =>
      kind === 'reserve_mem' &&
      (verdict.state === 'intact' || verdict.state === 'corrupt') &&
      file.runs.some((run) => pfn >= run.pfn && pfn < run.pfn + run.count),
  );
}
