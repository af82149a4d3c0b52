// SPDX-License-Identifier: Apache-2.0
// Which machines cannot be saved. QEMU reports only some of the reasons itself: it saves a machine with an `edu` device
// without complaint, and without the device.
import type { DeviceModel, IommuKind } from '../../model/scenario/device.js';
import type { MachineConfig } from '../args.js';

/** Why each part of a machine cannot be saved (QEMU 7.2), or what the lab itself would lose. */
const TRACED = "what it did before is in QEMU's trace, and that of a resumed machine starts later";

const DEVICES: Readonly<Record<DeviceModel, string>> = {
  edu: 'QEMU saves nothing of this device (hw/misc/edu.c has no VMStateDescription)',
  nvme: 'QEMU cannot save this device: it is marked as not migratable (hw/nvme/ctrl.c)',
  ivshmem: "its memory is a file of its own, which is not part of the machine's RAM",
  'virtio-net': TRACED,
  'virtio-blk': `its disk changes, and ${TRACED}`,
};

const IOMMUS: Readonly<Record<Exclude<IommuKind, 'none'>, string>> = {
  amd: 'QEMU 7.2 cannot save it: it is marked as not migratable (hw/i386/amd_iommu.c)',
  intel: TRACED,
  virtio: TRACED,
};

interface Feature {
  name: string;
  /** Null if the machine does not have it. */
  whyNot: (config: MachineConfig) => string | null;
}

const FEATURES: readonly Feature[] = [
  { name: 'KVM', whyNot: ({ accel }) => (accel === 'kvm' ? 'snapshots were tried on emulated processors only' : null) },
  {
    name: 'an IOMMU',
    whyNot: ({ hardware }) => {
      const kind = hardware?.iommu.kind ?? 'none';
      return kind === 'none' ? null : `${kind}: ${IOMMUS[kind]}`;
    },
  },
  {
    name: 'devices',
    whyNot: ({ hardware }) => {
      const [first] = hardware?.devices ?? [];
      return first === undefined ? null : `${first.model}: ${DEVICES[first.model]}`;
    },
  },
  { name: 'NUMA nodes', whyNot: ({ numa }) => (numa === undefined ? null : 'a saved machine has its RAM in one file') },
  {
    name: 'memory that is added',
    whyNot: ({ modules }) => (modules === undefined ? null : 'a saved machine has its RAM in one file'),
  },
  {
    name: "QEMU arguments of the scenario's own",
    whyNot: ({ extra }) => (extra.length > 0 ? 'the lab does not know what they add to the machine' : null),
  },
];

/** Why a machine cannot be saved and resumed; null if it can. */
export function unsupported(config: MachineConfig): string | null {
  for (const { name, whyNot } of FEATURES) {
    const why = whyNot(config);
    if (why !== null) return `${name}: ${why}`;
  }
  return null;
}
