// SPDX-License-Identifier: Apache-2.0
// Walks the tables of one device, whatever IOMMU the machine has.
import type { ReadPhys } from '../../../handover/memory/memory.js';
import { walkAmd } from './amd.js';
import type { DeviceTables, NoTables, WalkOptions } from './types.js';
import { walkIntel } from './vtd.js';

/** Where the tables begin: RTADDR_REG of VT-d, the device table base register of AMD-Vi, nowhere for virtio. */
export type TableRoot = { iommu: 'intel'; register: bigint } | { iommu: 'amd'; register: bigint } | { iommu: 'virtio' };

/**
 * Finds what one device reaches.
 * @param sourceId bus << 8 | devfn
 */
export function walkDevice(
  read: ReadPhys,
  root: TableRoot,
  sourceId: number,
  options: WalkOptions = {},
): DeviceTables | NoTables {
  switch (root.iommu) {
    case 'intel':
      return walkIntel(read, root.register, sourceId, options);
    case 'amd':
      return walkAmd(read, root.register, sourceId, options);
    case 'virtio':
      return {
        iommu: 'virtio',
        sourceId,
        state: 'no-tables',
        why: "virtio-iommu gets its mappings by request and keeps them in QEMU: the machine's memory has no tables",
      };
  }
}
