// SPDX-License-Identifier: Apache-2.0
// Reads the devices and the IOMMU of a scenario, and reports impossible addresses, root ports and IOVAs.
import type { DeviceModel, DevicePlan, DeviceSpec, IommuSpec, RootPort } from '../../model/scenario/device.js';
import type { SourceDocument } from '../source/document.js';
import { LIMITS, MIB, PAGE } from '../schema/limits.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import type { ScenarioInput } from '../schema/scenario.js';
import type { DeviceInput, IommuInput } from '../schema/devices.js';

/** Slots of the root bus for devices: 00 and 1f belong to the chipset, 01 to the IOMMU. */
const FIRST_SLOT = 0x02;
const LAST_SLOT = 0x1e;
const BACKED: readonly DeviceModel[] = ['nvme', 'virtio-blk', 'ivshmem'];
const DEFAULT_BACKING = 16 * MIB;
/** Width of an IOVA if the kind has only one: QEMU's AMD IOMMU; virtio has no limit, but user space has 48 bits. */
const BITS = { none: 0, intel: 39, amd: 48, virtio: 48 } as const;

type Form = 'short' | 'explicit';

/** @param form in the explicit form, all device steps are written out, so the device's own keys must be empty */
export function devicesOf(input: ScenarioInput, form: Form, document: SourceDocument, problems: Problems): DevicePlan {
  const iommu = iommuOf(input.iommu, document, problems);
  if (input.devices.length > LIMITS.devices)
    problems.add(['devices'], `expected at most ${LIMITS.devices} devices, found ${input.devices.length}`, null, 'key');
  const devices = input.devices
    .slice(0, LIMITS.devices)
    .map((each, index) => deviceOf(each, index, document, problems));
  checkNames(devices, problems);
  const rootPorts = placeRootPorts(input.devices, devices, problems);
  checkAddresses(devices, problems);
  for (const [index, each] of input.devices.entries()) checkUse(each, index, iommu, form, problems);
  if (iommu.preserve !== 'recreate' && form === 'explicit')
    problems.add(
      ['iommu', 'preserve'],
      'preserve belongs to the short form; with steps, write it as a step',
      'write - iommu-preserve',
      'key',
    );
  else if (iommu.preserve !== 'recreate' && devices.every(({ preserve }) => preserve === 'recreate'))
    problems.add(
      ['iommu', 'preserve'],
      'expected a device with preserve and session, because its iommufd goes into the same session',
      'add preserve and session to a device',
    );
  return { iommu, devices, rootPorts };
}

function iommuOf(input: IommuInput, document: SourceDocument, problems: Problems): IommuSpec {
  const settings =
    typeof input === 'string'
      ? { kind: input, intremap: undefined, scalable: false, preserve: 'recreate' as const, bits: undefined }
      : input;
  const { kind } = settings;
  const remaps = kind === 'intel' || kind === 'amd';
  if (settings.intremap === true && !remaps)
    problems.add(['iommu', 'intremap'], `an IOMMU of kind ${kind} does not remap interrupts`);
  if (settings.scalable && kind !== 'intel')
    problems.add(['iommu', 'scalable'], `an IOMMU of kind ${kind} has no scalable mode; only intel has`);
  if (settings.bits !== undefined && kind !== 'intel')
    problems.add(['iommu', 'bits'], `the width of an IOMMU of kind ${kind} cannot be chosen; only that of intel can`);
  return {
    kind,
    intremap: settings.intremap ?? kind === 'intel',
    scalable: settings.scalable,
    preserve: settings.preserve,
    bits: settings.bits ?? BITS[kind],
    pos: document.place(['iommu']),
  };
}

function deviceOf(input: DeviceInput, index: number, document: SourceDocument, problems: Problems): DeviceSpec {
  const path = ['devices', index];
  const [slot = 0, fn = 0] = input.at.split('.').map((part) => parseInt(part, 16));
  if (input.behind !== undefined && (slot !== 0 || fn !== 0))
    problems.add([...path, 'at'], `expected "00.0", the only address behind a root port; found ${shown(input.at)}`);
  if (input.behind === undefined && (slot < FIRST_SLOT || slot > LAST_SLOT))
    problems.add(
      [...path, 'at'],
      `expected a slot from 02 to 1e, found ${shown(input.at)}`,
      slot > LAST_SLOT ? null : "slots 00 and 01 are the chipset's and the IOMMU's",
    );
  const backed = BACKED.includes(input.device);
  if (input.size !== undefined && !backed)
    problems.add([...path, 'size'], `a device of kind ${input.device} has no backing storage, so it has no size`);
  else if (input.size !== undefined) checkSize(input.device, input.size, [...path, 'size'], problems);
  return {
    name: input.name,
    model: input.device,
    slot,
    function: fn,
    behind: input.behind ?? null,
    size: backed ? (input.size ?? DEFAULT_BACKING) : 0,
    ...preserveOf(input),
    session: input.session ?? null,
    token: input.token ?? null,
    iommuToken: null,
    map: input.map,
    inFlight: input.dma === 'in-flight',
    interrupts: input.interrupts,
    guest: null,
    pos: document.place(path),
  };
}

/** A level means that LUO carries the device; by default everything must cross the kexec. */
function preserveOf({ preserve }: DeviceInput): Pick<DeviceSpec, 'preserve' | 'level'> {
  if (typeof preserve === 'string') return { preserve, level: 'dma' };
  return { preserve: preserve.optional ? 'if-supported' : 'required', level: preserve.level };
}

function checkSize(model: DeviceModel, bytes: number, path: (string | number)[], problems: Problems): void {
  if (bytes < MIB || bytes > LIMITS.backing || bytes % MIB !== 0)
    problems.add(path, `expected 1MiB to 1GiB in whole MiB, found ${bytes} bytes`);
  else if (model === 'ivshmem' && (bytes & (bytes - 1)) !== 0)
    problems.add(path, `expected a power of two, because it becomes a BAR; found ${bytes} bytes`);
}

function checkNames(devices: readonly DeviceSpec[], problems: Problems): void {
  const names = new Set<string>();
  for (const [index, { name }] of devices.entries()) {
    if (names.has(name))
      problems.add(['devices', index, 'name'], `expected a unique name; there is a device ${shown(name)} already`);
    names.add(name);
  }
}

/** Puts each root port into the lowest free slot. */
function placeRootPorts(
  inputs: readonly DeviceInput[],
  devices: readonly DeviceSpec[],
  problems: Problems,
): RootPort[] {
  const taken = new Set(devices.filter(({ behind }) => behind === null).map(({ slot }) => slot));
  const ports = new Map<string, RootPort>();
  for (const [index, { behind }] of inputs.entries()) {
    if (behind === undefined || ports.has(behind)) continue;
    let slot = FIRST_SLOT;
    while (taken.has(slot)) slot += 1;
    if (slot > LAST_SLOT) {
      problems.add(['devices', index, 'behind'], `there is no free slot for root port ${shown(behind)}`);
      break;
    }
    taken.add(slot);
    ports.set(behind, { name: behind, slot });
  }
  return [...ports.values()];
}

function checkAddresses(devices: readonly DeviceSpec[], problems: Problems): void {
  const taken = new Map<string, DeviceSpec>();
  for (const [index, device] of devices.entries()) {
    const address = `${device.behind ?? ''}/${device.slot}.${device.function}`;
    const other = taken.get(address);
    if (other !== undefined) {
      const hint = device.behind === null ? null : 'give it a root port of its own';
      problems.add(
        ['devices', index, device.behind === null ? 'at' : 'behind'],
        `expected a unique address; ${shown(other.name)} has this one`,
        hint,
      );
    }
    taken.set(address, device);
  }
  for (const [index, device] of devices.entries()) {
    if (device.function === 0 || taken.has(`${device.behind ?? ''}/${device.slot}.0`)) continue;
    problems.add(
      ['devices', index, 'at'],
      `expected a device at function 0 of slot ${device.slot.toString(16).padStart(2, '0')} too; ` +
        'without it the kernel does not find the others',
    );
  }
}

/** The addresses of MSI writes, over which no kernel maps memory (0xfee00000, x86). */
const MSI = { start: 0xfee0_0000, end: 0xfef0_0000 };
/** QEMU's edu uses only the lower 28 bits of an address (hw/misc/edu.c, dma_mask). */
export const EDU_BITS = 28;

/** The problem of mapping `bytes` bytes at this address; null if there is none. */
export function iovaProblem(iova: number, bytes: number, model: DeviceModel, iommu: IommuSpec): string | null {
  const end = iova + Math.ceil(bytes / PAGE) * PAGE;
  if (iova % PAGE !== 0) return `expected a multiple of ${PAGE} bytes, found ${hex(iova)}`;
  const bits = model === 'edu' ? Math.min(EDU_BITS, iommu.bits) : iommu.bits;
  if (end > 2 ** bits)
    return (
      `expected an end of at most ${hex(2 ** bits)}, because ` +
      `${model === 'edu' && bits === EDU_BITS ? 'edu' : 'this IOMMU'} has ${bits} address bits; found ${hex(end)}`
    );
  if (iova < MSI.end && end > MSI.start)
    return `expected an address outside of ${hex(MSI.start)} to ${hex(MSI.end)}, which is for interrupts`;
  return null;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function checkUse(input: DeviceInput, index: number, iommu: IommuSpec, form: Form, problems: Problems): void {
  const path = ['devices', index];
  if (form === 'explicit') {
    for (const key of ['map', 'dma', 'session', 'token'] as const) {
      const value = input[key];
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      problems.add(
        [...path, key],
        `${key} belongs to the short form; with steps, write it as a step`,
        `write - device-${key === 'map' || key === 'dma' ? key : 'preserve'}`,
        'key',
      );
    }
    return;
  }
  if (iommu.kind === 'none' && (input.map.length > 0 || input.preserve !== 'recreate' || input.dma !== undefined)) {
    problems.add(
      path,
      'expected an IOMMU, because a device can only be opened and mapped behind one',
      'add iommu: intel',
    );
  }
  if (input.dma !== undefined && input.device !== 'edu')
    problems.add([...path, 'dma'], `expected no dma, because only edu can start a transfer; this is ${input.device}`);
  else if (input.dma !== undefined && !input.map.some(({ rights }) => rights === 'rw'))
    problems.add(
      [...path, 'dma'],
      'expected a file under map that the device may read and write, because a transfer reads from it and writes to it',
    );
  const { preserve } = preserveOf(input);
  if (preserve !== 'recreate' && input.session === undefined)
    problems.add([...path, 'preserve'], `expected a session as well, because ${preserve} adds the descriptor to one`);
}
