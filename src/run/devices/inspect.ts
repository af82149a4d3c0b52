// SPDX-License-Identifier: Apache-2.0
// Inspects the scenario's devices from outside, through QEMU: their address, their configuration and their registers.
import type { LookMoment, PciView } from '../../model/kernel/pci.js';
import type { IommuRegisters } from '../../oracles/iommu/index.js';
import { barsOf, capabilities, commandOf, interruptsOf } from '../../oracles/pci/pci.js';
import { OTHER_QEMU } from '../../qemu/features/probe.js';
import { deviceId } from '../../qemu/hardware.js';
import { ecamBase, pciAddress, type PciNode, pciNodes, readConfig, readRegister, sourceId } from '../../qemu/pci.js';
import { LabError } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceState } from '../state/device.js';
import { iommuRegisters, walkNow } from './iommu/inspect.js';
import { freeTablePages, pageStates, tableContents } from './iommu/table-pages.js';
import type { MachineView } from '../machine/view.js';

/** Registers of QEMU's edu that can be read without side effects (docs/specs/edu.txt). */
const EDU = [
  ['identification', 0x00, 4],
  ['liveness', 0x04, 4],
  ['factorial', 0x08, 4],
  ['irqStatus', 0x24, 4],
] as const;

/** Id of the PCI Express capability. */
const EXPRESS = 0x10;

/** Everything that one look needs from QEMU. */
interface Tree {
  nodes: PciNode[];
  ecam: number;
}

/** Where the firmware put configuration space. No kernel moves it, and the listing is long, so it is read once. */
const windows = new WeakMap<MachineView, number>();

async function treeOf(view: MachineView): Promise<Tree> {
  const ecam = windows.get(view) ?? ecamBase(await view.query('info mtree -f'));
  if (ecam !== null) windows.set(view, ecam);
  if (ecam === null)
    throw new LabError('`info mtree -f` of this QEMU shows no PCI configuration space: no device can be seen', {
      hint: OTHER_QEMU,
    });
  return { nodes: pciNodes(await view.pciDevices()), ecam };
}

/** Asks QEMU for the address of each device. Throws LabError where one is missing before any kernel has booted. */
export async function findDevices({ view, state }: Needs<'view' | 'state'>): Promise<void> {
  if (state.devices.size === 0) return;
  const { nodes, ecam } = await treeOf(view);
  for (const device of state.devices.values()) {
    const node = nodes.find(({ qdevId }) => qdevId === deviceId(device.spec));
    if (node === undefined)
      throw new LabError(`QEMU does not show the device ${device.spec.name} that it was started with`);
    device.address = pciAddress(node);
    device.source = sourceId(node);
    const config = await readConfig((line) => view.query(line), ecam, node);
    device.express = config === null ? null : (capabilities(config).find(({ id }) => id === EXPRESS)?.at ?? null);
  }
}

/** Inspects all devices, or only some. Each look is kept with its device and recorded as an event. */
export async function inspectDevices(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'trace'>,
  moment: LookMoment,
  only: readonly DeviceState[] | null = null,
): Promise<void> {
  const { view, recorder, plan, state } = parts;
  const devices = only ?? [...state.devices.values()];
  if (devices.length === 0 || !plan.deviceLooks) return;
  const tree = await treeOf(view);
  const { kind } = plan.scenario.hardware.iommu;
  const from = recorder.clock.now();
  const registers = await iommuRegisters(view, kind);
  if (kind === 'intel' || kind === 'amd')
    parts.trace?.sawRegisters({ translating: registers?.translating ?? null, from });
  for (const device of devices) {
    const node = tree.nodes.find(({ qdevId }) => qdevId === deviceId(device.spec));
    const pci = node === undefined ? null : await viewOf(view, tree, node, device.spec.model === 'edu');
    device.looks.push({ moment, epoch: recorder.epoch, t: recorder.clock.now(), view: pci });
    if (node !== undefined && registers?.translating === true && isWalked(device, moment))
      await inspectTables(parts, device, moment, registers, sourceId(node));
    recorder.event({
      kind: 'oracle',
      oracle: `device ${device.spec.name}: ${moment}`,
      side: 'outside',
      ok: pci !== null,
      detail: viewText(pci),
    });
  }
  if (registers !== null) {
    recorder.event({
      kind: 'oracle',
      oracle: `iommu: ${moment}`,
      side: 'outside',
      ok: true,
      detail: `translation ${registers.translating ? 'on' : 'off'}, ${Object.entries(registers.registers)
        .map(([name, value]) => `${name} ${value}`)
        .join(' ')}`,
    });
  }
}

/**
 * The tables are walked while a device is in use. Where LUO carries the device, also right before the kexec and on
 * arrival, before the device is retrieved.
 */
function isWalked({ preserved, carriedBy }: DeviceState, moment: LookMoment): boolean {
  return moment === 'use' || (moment === 'kexec' && preserved !== null) || (moment === 'arrival' && carriedBy !== null);
}

async function inspectTables(
  parts: Needs<'recorder' | 'view'>,
  device: DeviceState,
  moment: LookMoment,
  registers: IommuRegisters,
  source: number,
): Promise<void> {
  const { view, recorder } = parts;
  const tables = walkNow(view, registers, source);
  if (tables === null) return;
  device.tables.push({
    moment,
    epoch: recorder.epoch,
    t: recorder.clock.now(),
    tables,
    maps: [...device.maps],
    damaged: false,
    free: freeTablePages(tables, await pageStates(parts)),
    contents: moment === 'kexec' ? tableContents(view, tables) : new Map(),
  });
}

async function viewOf(view: MachineView, { ecam }: Tree, node: PciNode, edu: boolean): Promise<PciView | null> {
  const human = (line: string) => view.query(line);
  const config = await readConfig(human, ecam, node);
  if (config === null) return null;
  const hex4 = (value: number) => value.toString(16).padStart(4, '0');
  const bars = barsOf(config, node.regions);
  const command = commandOf(config);
  const { behind } = node;
  const bridgeConfig = behind === null ? null : await readConfig(human, ecam, behind);
  return {
    address: pciAddress(node),
    vendor: hex4(node.vendor),
    device: hex4(node.device),
    class: hex4(node.class),
    bars,
    ...command,
    interrupts: interruptsOf(config),
    bridge:
      behind === null
        ? null
        : {
            address: pciAddress(behind),
            secondary: behind.secondary ?? 0,
            busMaster: bridgeConfig !== null && commandOf(bridgeConfig).busMaster,
          },
    registers: edu && command.memory ? await eduRegisters(view, Number(bars[0]?.address ?? 0)) : null,
  };
}

async function eduRegisters(view: MachineView, bar: number): Promise<Record<string, string> | null> {
  if (bar === 0) return null;
  const registers: Record<string, string> = {};
  for (const [name, at, size] of EDU) {
    const value = await readRegister((line) => view.query(line), bar + at, size);
    if (value === null) return null;
    registers[name] = `0x${value.toString(16)}`;
  }
  return registers;
}

function viewText(view: PciView | null): string {
  if (view === null) return 'not there';
  const onOff = (what: string, on: boolean) => `${what} ${on ? 'on' : 'off'}`;
  return [
    `${view.address} ${view.vendor}:${view.device}`,
    ...(view.bridge === null ? [] : [`behind ${view.bridge.address}`]),
    onOff('memory', view.memory),
    onOff('bus mastering', view.busMaster),
    ...view.interrupts.map(({ kind, enabled }) => onOff(kind, enabled)),
    ...view.bars.map(({ bar, address }) => `BAR ${bar} ${address}`),
    ...Object.entries(view.registers ?? {}).map(([name, value]) => `${name} ${value}`),
  ].join(', ');
}
