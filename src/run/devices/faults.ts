// SPDX-License-Identifier: Apache-2.0
// Faults on devices: unplugs a device, or damages the IOMMU tables of a device in the machine's memory.
import type { Fault } from '../../model/scenario/scenario.js';
import { damageOf } from '../../oracles/iommu/index.js';
import { unplug } from '../../qemu/unplug.js';
import type { Needs } from '../engine/parts.js';
import { inspectDevices } from './inspect.js';
import { iommuRegisters, walkNow } from './iommu/inspect.js';
import { reader } from '../machine/view.js';

/** `places` is 0 where the fault was not possible; then `detail` says why. */
export interface Injected {
  places: number;
  detail: string;
}

/** Unplugs a device. Inspects it before, as no kernel may have used it yet, and after, to see that it is gone. */
export async function unplugDevice(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine' | 'trace'>,
  { device: name }: Extract<Fault, { kind: 'unplug' }>,
): Promise<Injected> {
  const { machine, state } = parts;
  const device = state.devices.get(name);
  if (device === undefined) return { places: 0, detail: `the scenario has no device ${name}` };
  await inspectDevices(parts, 'fault', [device]);
  await unplug(
    { command: (command, args) => machine.command(command, args), human: (line) => machine.human(line) },
    device.spec,
  );
  await inspectDevices(parts, 'fault', [device]);
  const gone = device.looks.at(-1)?.view === null;
  return {
    places: gone ? 1 : 0,
    detail: `${name} at ${device.address}: ${gone ? 'QEMU no longer shows it' : 'QEMU still shows it'}`,
  };
}

/** Changes one entry of the tables and walks them again: the walk must end and report the damage. */
export async function damageTables(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine'>,
  { device: name, damage }: Extract<Fault, { kind: 'iommu-table' }>,
): Promise<Injected> {
  const { view, machine, state, plan, recorder } = parts;
  const device = state.devices.get(name);
  const registers = await iommuRegisters(view, plan.scenario.hardware.iommu.kind);
  if (device === undefined || registers === null || !registers.translating)
    return { places: 0, detail: `no tables of ${name}: the IOMMU does not translate` };
  const tables = walkNow(view, registers, device.source);
  const change = tables === null ? null : damageOf(reader(view), tables, damage);
  if (change === null)
    return {
      places: 0,
      detail:
        `${name} has no page tables that could be damaged: ` +
        `${tables?.problems[0]?.detail ?? 'nothing is mapped for it'}`,
    };
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(change.to);
  machine.memory.write(change.at, bytes);
  const begun = performance.now();
  const after = walkNow(view, registers, device.source);
  const ms = performance.now() - begun;
  if (after !== null)
    device.tables.push({
      moment: 'fault',
      free: [],
      contents: new Map(),
      epoch: recorder.epoch,
      t: recorder.clock.now(),
      tables: after,
      maps: [...device.maps],
      damaged: true,
    });
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  return {
    places: 1,
    detail:
      `${name}: ${hex(change.from)} to ${hex(change.to)} at 0x${change.at.toString(16)}: ${change.what}; walked ` +
      `again in ${ms.toFixed(1)} ms: ${after?.problems[0]?.detail ?? 'the tables are well-formed'}`,
  };
}
