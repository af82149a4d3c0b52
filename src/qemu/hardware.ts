// SPDX-License-Identifier: Apache-2.0
// The IOMMU and the devices of a scenario as QEMU arguments (QEMU 7.2). They come before the lab's own devices, which
// have no fixed addresses and take the free ones.
import type { DeviceModel, DevicePlan, DeviceSpec, IommuSpec } from '../model/scenario/device.js';

/** The id of a device in QEMU, also used in QMP. */
export function deviceId({ name }: Pick<DeviceSpec, 'name'>): string {
  return `dev-${name}`;
}

export function rootPortId(name: string): string {
  return `port-${name}`;
}

/** File in the run's private folder that backs a device. The lab fills it before the machine starts. */
export function backingFile({ name }: Pick<DeviceSpec, 'name'>): string {
  return `dev-${name}.img`;
}

export const TRACE_FILE = 'trace.log';

/** QEMU's name for each model. */
export const QEMU_MODELS: Readonly<Record<DeviceModel, string>> = {
  edu: 'edu',
  nvme: 'nvme',
  'virtio-net': 'virtio-net-pci',
  'virtio-blk': 'virtio-blk-pci',
  ivshmem: 'ivshmem-plain',
};
export const ROOT_PORT = 'pcie-root-port';

/** Interrupts can be remapped only if QEMU itself has the I/O APIC. KVM has to be told so. */
export function splitsInterrupts({ iommu }: DevicePlan): boolean {
  return iommu.kind !== 'none' && iommu.intremap;
}

/** QEMU's device for an IOMMU, with its options; null for none. */
export function iommuDevice(iommu: IommuSpec): { model: string; options: Record<string, string> } | null {
  const onOff = (value: boolean) => (value ? 'on' : 'off');
  switch (iommu.kind) {
    case 'none':
      return null;
    case 'intel':
      return {
        model: 'intel-iommu',
        options: {
          intremap: onOff(iommu.intremap),
          'aw-bits': String(iommu.bits),
          ...(iommu.scalable ? { 'x-scalable-mode': 'on' } : {}),
        },
      };
    case 'amd':
      return { model: 'amd-iommu', options: { intremap: onOff(iommu.intremap) } };
    case 'virtio':
      return { model: 'virtio-iommu-pci', options: { addr: '01.0' } };
  }
}

/**
 * Builds the arguments.
 * @param dir the run's private folder, with its commas doubled
 * @param more options of the IOMMU that this QEMU needs (probe.ts)
 */
export function hardwareArgs(plan: DevicePlan, dir: string, more: Readonly<Record<string, string>> = {}): string[] {
  const iommu = iommuDevice(plan.iommu);
  return [
    // The IOMMU must come before the devices behind it.
    ...(iommu === null
      ? []
      : [
          '-device',
          [iommu.model, ...Object.entries({ ...iommu.options, ...more }).map(([key, value]) => `${key}=${value}`)].join(
            ',',
          ),
        ]),
    ...plan.rootPorts.flatMap(({ name, slot }, index) => [
      '-device',
      `${ROOT_PORT},id=${rootPortId(name)},bus=pcie.0,addr=${slotText(slot)}.0,chassis=${index + 1},slot=${index + 1}`,
    ]),
    ...plan.devices.flatMap((device, index) => deviceArgs(device, index, dir, plan.devices)),
  ];
}

function deviceArgs(device: DeviceSpec, index: number, dir: string, all: readonly DeviceSpec[]): string[] {
  const { model, name, slot, behind } = device;
  const shared = all.some((other) => other !== device && other.behind === behind && other.slot === slot);
  const place = [
    `id=${deviceId(device)}`,
    `bus=${behind === null ? 'pcie.0' : rootPortId(behind)}`,
    `addr=${slotText(slot)}.${device.function}`,
    ...(shared ? ['multifunction=on'] : []),
  ];
  const file = `${dir}/${backingFile(device)}`;
  const add = (...options: string[]) => ['-device', [QEMU_MODELS[model], ...options, ...place].join(',')];
  const drive = ['-drive', `if=none,id=drive-${name},format=raw,file=${file}`];
  // Without these two, virtio bypasses the IOMMU.
  const behindIommu = ['iommu_platform=on', 'disable-legacy=on'];
  // QEMU passes at most 20 characters of a disk's serial number to the machine.
  const serial = `serial=lab-dev${index}`;
  switch (model) {
    case 'edu':
      return add();
    case 'nvme':
      return [...drive, ...add(`drive=drive-${name}`, serial)];
    case 'virtio-blk':
      return [...drive, ...add(`drive=drive-${name}`, serial, ...behindIommu)];
    case 'virtio-net':
      return ['-netdev', `user,id=net-${name},restrict=on`, ...add(`netdev=net-${name}`, 'romfile=', ...behindIommu)];
    case 'ivshmem':
      return [
        '-object',
        `memory-backend-file,id=mem-${name},size=${device.size}B,mem-path=${file},share=on`,
        ...add(`memdev=mem-${name}`),
      ];
  }
}

function slotText(slot: number): string {
  return slot.toString(16).padStart(2, '0');
}

export function hasHardware({ iommu, devices }: DevicePlan): boolean {
  return iommu.kind !== 'none' || devices.length > 0;
}

/**
 * Writes trace lines to a file in the run's folder, each with the wall-clock time (-msg timestamp).
 * @param events names or patterns that QEMU accepts
 * @param dir not escaped: -D takes a plain path
 */
export function traceArgs(events: readonly string[], dir: string): string[] {
  if (events.length === 0) return [];
  return [
    ...events.flatMap((event) => ['-trace', `enable=${event}`]),
    '-D',
    `${dir}/${TRACE_FILE}`,
    '-msg',
    'timestamp=on',
  ];
}
