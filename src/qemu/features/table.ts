// SPDX-License-Identifier: Apache-2.0
// What the lab needs of a QEMU that another version may name, print or do in another way. Each row says how to find it
// by what QEMU itself reports, never by its version, and which witnesses see nothing without it.
import type { IommuKind } from '../../model/scenario/device.js';
import type { Witness } from '../../model/result/witness.js';
import { ramRanges } from '../memory.js';
import { parseRegisters } from '../registers.js';

/** An event that QEMU traces. */
export interface TraceFeature {
  /** For `-trace enable=`: a name, or a pattern that covers the names of all versions. */
  event: string;
  /** What it shows. Null if the lab can do without it. */
  shows: string | null;
}

const AT_WILL = null;

/**
 * `vtd_ce_not_present` and the like are left out on purpose: VT-d emits them whenever a domain is attached, and a
 * blocked request is a `vtd_dmar_fault`.
 */
export const TRACES: Readonly<Record<Exclude<IommuKind, 'none'> | 'devices', readonly TraceFeature[]>> = {
  intel: [
    { event: 'vtd_dmar_enable', shows: 'when translation goes on and off' },
    { event: 'vtd_dmar_fault', shows: 'blocked requests' },
    { event: 'vtd_reg_dmar_root', shows: AT_WILL },
    { event: 'vtd_ir_enable', shows: AT_WILL },
    { event: 'vtd_reg_write_gcmd', shows: AT_WILL },
    { event: 'vtd_inv_desc_cc_*', shows: AT_WILL },
    { event: 'vtd_inv_desc_iotlb_*', shows: AT_WILL },
    { event: 'vtd_inv_desc_wait_write_fail', shows: AT_WILL },
  ],
  amd: [
    { event: 'amdvi_control_status', shows: 'when translation goes on and off' },
    { event: 'amdvi_page_fault', shows: 'blocked requests' },
    { event: 'amdvi_*_inval', shows: AT_WILL },
    { event: 'amdvi_dte_get_fail', shows: AT_WILL },
    { event: 'amdvi_invalid_dte', shows: AT_WILL },
    { event: 'amdvi_mode_invalid', shows: AT_WILL },
    { event: 'amdvi_get_pte_hwerror', shows: AT_WILL },
  ],
  virtio: [
    { event: 'virtio_iommu_device_status', shows: 'when translation goes on and off' },
    // virtio_iommu_device_reset in 7.2, virtio_iommu_device_reset_exit in 11.1.
    { event: 'virtio_iommu_device_reset*', shows: 'resets of the IOMMU' },
    { event: 'virtio_iommu_report_fault', shows: 'blocked requests' },
  ],
  devices: [{ event: 'pci_cfg_write', shows: 'resets and bus mastering' }],
};

/**
 * Options by model that must be set where a QEMU has them. `dma-remap`: while it is off, QEMU leads all DMA around the
 * IOMMU, whatever the device table says (hw/i386/amd_iommu.c, amdvi_switch_address_space(), 11.1).
 */
export const NEEDED_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'amd-iommu': { 'dma-remap': 'on' },
};

/** An answer of the human monitor. */
export interface MonitorFeature {
  ask: string;
  shows: string;
  understood: (answer: string) => boolean;
  blinds: readonly Witness[];
}

export const ANSWERS: readonly MonitorFeature[] = [
  {
    ask: 'info mtree -f',
    shows: 'where the RAM of the machine is',
    understood: (answer) => ramRanges(answer).length > 0,
    blinds: ['outside', 'marks', 'page-state', 'taint'],
  },
  {
    ask: 'info registers -a',
    shows: 'the page tables of the running kernel',
    understood: (answer) => parseRegisters(answer) !== null,
    blinds: ['marks', 'page-state', 'taint'],
  },
];
