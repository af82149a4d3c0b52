// SPDX-License-Identifier: Apache-2.0
// Injects faults from outside: through the machine's memory, or by QEMU. If a fault finds no place, the lab has failed;
// the run never passes then.
import { HandoverError } from '../../handover/index.js';
import { noPlaceTitle } from '../../model/result/incident.js';
import type { Fault } from '../../model/scenario/scenario.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { kernelRoots, writeLinear } from '../../qemu/pagetable.js';
import { LabError } from '../../util/errors.js';
import type { Pieces } from '../../util/loop/turns.js';
import type { Control, Needs } from '../engine/parts.js';
import { damageTables, unplugDevice } from '../devices/faults.js';
import { findChange } from './handover.js';

type FaultParts = Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine' | 'trace'>;
interface Injected {
  places: number;
  detail: string;
}

export async function injectFault(parts: FaultParts, fault: Fault): Promise<void> {
  await injectFaults(parts, [fault]);
}

/** All places are found before the first is changed: one change can move what leads to another's place. */
export async function injectFaults(parts: FaultParts, faults: readonly Fault[]): Promise<void> {
  const ready: { fault: Fault; inject: () => Injected | Promise<Injected> }[] = [];
  for (const fault of faults) ready.push({ fault, inject: await preparedFault(parts, fault) });
  for (const { fault, inject: injectNow } of ready) {
    const { places, detail } = await injectNow();
    parts.recorder.event({ kind: 'fault', fault: fault.kind, places, detail });
    if (places === 0) throw new LabError(noPlaceTitle(fault.kind), { detail });
  }
}

async function preparedFault(parts: FaultParts, fault: Fault): Promise<() => Injected | Promise<Injected>> {
  if (fault.kind !== 'change') return () => inject(parts, fault);
  const found = await orMissing(fault, () => findChange(parts, fault));
  if ('places' in found) return () => found;
  return () => orMissing(fault, () => ({ places: 1, detail: found.apply() }));
}

/** What a change cannot find, or cannot hold, is no place. */
async function orMissing<T>(
  { text }: Extract<Fault, { kind: 'change' }>,
  work: () => T | Promise<T>,
): Promise<T | Injected> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
    return { places: 0, detail: `${text}: ${error.message}${error.detail === null ? '' : ` (${error.detail})`}` };
  }
}

async function inject(parts: FaultParts, fault: Exclude<Fault, { kind: 'change' }>): Promise<Injected> {
  const { machine } = parts;
  switch (fault.kind) {
    case 'replace': {
      const places = await parts.view.scan(replaceStrings(machine, fault));
      return {
        places: places.length,
        detail: `'${fault.find}' to '${fault.write}' at ${places.slice(0, 8).map(hex).join(' ') || 'no place'}`,
      };
    }
    case 'flip':
      return flip(parts, fault);
    case 'unplug':
      return unplugDevice(parts, fault);
    case 'iommu-table':
      return damageTables(parts, fault);
    case 'triple-fault':
      return emptyIdt(machine);
    case 'reset':
      await machine.command('system_reset');
      return { places: 1, detail: 'system_reset' };
    case 'stop':
      machine.frozen = true;
      await machine.command('stop');
      return { places: 1, detail: 'all vCPUs stopped' };
    case 'nmi':
      await machine.command('inject-nmi');
      return { places: 1, detail: 'NMI to all vCPUs' };
  }
}

function hex(n: number): string {
  return `0x${n.toString(16)}`;
}

function isText(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** One byte of memory; 0 if there is no memory at that address. */
function byteAt(machine: Control, address: number): number {
  const byte = new Uint8Array(1);
  return address >= 0 && machine.memory.read(address, byte) ? (byte[0] as number) : 0;
}

/**
 * Overwrites whole NUL-terminated strings in physical memory, in pieces; the rest of the old string becomes NUL.
 * @returns the addresses
 */
function* replaceStrings(
  machine: Control,
  { find, write, where }: Extract<Fault, { kind: 'replace' }>,
): Pieces<number[]> {
  const old = Buffer.from(`${find}\0`, 'latin1');
  const fresh = Buffer.alloc(old.length);
  fresh.write(write, 'latin1');
  const found: number[] = [];
  const chunk = Buffer.alloc((4 << 20) + old.length);
  for (const range of machine.memory.ranges) {
    for (let at = range.start; at < range.end; at += 4 << 20) {
      const part = chunk.subarray(0, Math.min(chunk.length, range.end - at));
      if (!machine.memory.read(at, part)) continue;
      for (let i = part.indexOf(old); i >= 0 && i < 4 << 20; i = part.indexOf(old, i + 1)) {
        // The string may be an array inside a structure: any byte may come before it, except text.
        const whole =
          where === 'page-start'
            ? (at + i) % PAGE === 0
            : !isText(i > 0 ? (part[i - 1] as number) : byteAt(machine, at - 1));
        if (whole) found.push(at + i);
      }
      yield;
    }
  }
  for (const address of found) machine.memory.write(address, fresh);
  return found;
}

function flip(
  parts: Needs<'state' | 'machine'>,
  fault: Extract<Fault, { kind: 'flip' }>,
): { places: number; detail: string } {
  const file =
    parts.state.files.get(fault.file) ?? [...parts.state.expected.values()].find(({ name }) => name === fault.file);
  const run = file?.runs.find(({ page, count }) => fault.page >= page && fault.page < page + count);
  if (file === undefined || run === undefined)
    return { places: 0, detail: `${fault.file} page ${fault.page} has no known physical page` };
  const address = (run.pfn + fault.page - run.page) * PAGE + fault.offset;
  const byte = new Uint8Array(1);
  parts.machine.memory.read(address, byte);
  const was = byte[0] as number;
  byte[0] = was ^ fault.mask;
  parts.machine.memory.write(address, byte);
  parts.state.touched.add(file.name);
  return {
    places: 1,
    detail:
      `${fault.file} page ${fault.page} byte ${fault.offset} at ${hex(address)}: ${hex(was)} to ` +
      `${hex(was ^ fault.mask)}`,
  };
}

/**
 * Empties the interrupt descriptor table: the next interrupt cannot be delivered, nor the fault that this raises, nor
 * the double fault after that.
 */
async function emptyIdt(machine: Control): Promise<{ places: number; detail: string }> {
  const registers = await machine.registers();
  if (registers === null) return { places: 0, detail: 'no registers' };
  const { idtBase, idtLimit } = registers;
  const zeros = new Uint8Array(idtLimit + 1);
  const done = kernelRoots(registers).some((root) => writeLinear(machine.memory, root, idtBase, zeros));
  return {
    places: done ? 1 : 0,
    detail: `interrupt descriptor table at 0x${idtBase.toString(16)}, ${zeros.length} bytes`,
  };
}
