// SPDX-License-Identifier: Apache-2.0
// Devices and the IOMMU in result.json. Addresses are hexadecimal text, because they may have 64 bits.
import type { DeviceLevel, DeviceModel, DevicePreserve, IommuKind } from '../scenario/device.js';
import type { PciView } from '../kernel/pci.js';

/** One device over one update. */
export interface DeviceOfResult {
  name: string;
  device: DeviceModel;
  /** In the machine, `0000:00:05.0`; null if it was never found. */
  address: string | null;
  preserve: DevicePreserve;
  /** The epoch in which it should come back. */
  epoch: number;
  /** `kept`: LUO carried its descriptor. `recreated`: opened and mapped again. Null: never opened, or the run ended. */
  carried: 'kept' | 'recreated' | 'lost' | null;
  /** The level that a kept device reached; null where it was not kept. Missing in older results. */
  level?: DeviceLevel | null;
  /** In the old kernel: while it was in use, otherwise right before the kexec. */
  before: PciView | null;
  /** In the next kernel: while it was in use, otherwise when user space was up. */
  after: PciView | null;
  /** Between the two views. */
  resets: number;
  /** Writes to its configuration space between the two views. */
  during: { t: number; epoch: number; what: string; detail: string }[];
  /** Its backing storage: pages of 4096 bytes, and how many of them differ from the lab's content. */
  backing: { pages: number; different: number } | null;
  /** A transfer that started right before the kexec. `early`: it ended too soon to show anything. */
  transfer: {
    iova: string;
    phys: string;
    length: number;
    began: number;
    fate: 'landed' | 'early' | 'blocked' | 'strayed' | 'partly' | 'unknown';
  } | null;
  problems: string[];
}

/** What a device could reach through the IOMMU's tables at one moment. The number of mappings is limited. */
export interface ReachOfResult {
  epoch: number;
  state: 'translated' | 'pass-through' | 'blocked' | 'broken';
  /** Mapped bytes in total. */
  bytes: number;
  tablePages: number;
  mappings: { iova: string; phys: string; length: number; rights: string }[];
}

export interface TablesOfResult {
  device: string;
  before: ReachOfResult | null;
  after: ReachOfResult | null;
  /** Pages at the same IOVA with the same rights before and after. */
  same: number;
  /** Table pages to hand over, and how many of them were never freed. */
  handedOver: number;
  leaked: number;
  problems: string[];
}

export interface IommuOfResult {
  kind: IommuKind;
  /** `count`: number of equal events in a row. */
  timeline: { t: number; epoch: number; what: string; detail: string; count: number }[];
  /** Events that are not in the timeline. */
  leftOut: number;
  /** Longest time without DMA translation in an update, in milliseconds; null if it was never on or stayed off. */
  gapMs: number | null;
  /**
   * The translation in each update. `kept`: never off. `gap`: off and on again. `open`: off and never on again. `off`:
   * not on when the kexec started.
   */
  gaps: { epoch: number; state: 'kept' | 'gap' | 'open' | 'off'; ms: number | null }[];
  /** Blocked requests by device. */
  faults: { device: string; count: number; first: string }[];
  /** The preserved iommufds, by device. */
  descriptors: { device: string; epoch: number; carried: 'kept' | 'lost' }[];
  tables: TablesOfResult[];
  /** Bytes that a device wrote to places it must not reach. */
  strays: { device: string; iova: string; phys: string; bytes: number }[];
}
