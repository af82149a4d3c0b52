// SPDX-License-Identifier: Apache-2.0
// What result.json says of devices and of the IOMMU. Addresses are hexadecimal text: they may have 64 bits.
import type { DeviceModel, DevicePreserve, IommuKind } from '../scenario/device.js';
import type { PciView } from '../kernel/pci.js';

/** One device over one update. */
export interface DeviceOfResult {
  name: string;
  device: DeviceModel;
  /** In the machine, `0000:00:05.0`; null where it was never found. */
  address: string | null;
  preserve: DevicePreserve;
  /** The epoch that it was to come back in. */
  epoch: number;
  /**
   * `kept`: LUO carried its descriptor. `recreated`: opened and mapped anew. Null: nobody was to open it, or the
   * machine ended first.
   */
  carried: 'kept' | 'recreated' | 'lost' | null;
  /**
   * While it was in use, else right before the kexec; and in the next kernel while it was in use, else once its user
   * space was up.
   */
  before: PciView | null;
  after: PciView | null;
  /** Between the two. */
  resets: number;
  /** What was done to it between the two, by writes to configuration space. */
  during: { t: number; epoch: number; what: string; detail: string }[];
  /** What backs it: pages of 4096 bytes, and how many hold something else than the lab put there. */
  backing: { pages: number; different: number } | null;
  /**
   * A transfer that was begun right before the kexec. `early`: it was over before anything stood in its way, and shows
   * nothing.
   */
  transfer: {
    iova: string;
    phys: string;
    length: number;
    began: number;
    fate: 'landed' | 'early' | 'blocked' | 'strayed' | 'partly' | 'unknown';
  } | null;
  problems: string[];
}

/** What a device reached through the tables at one moment; at most so many runs as fit a reader. */
export interface ReachOfResult {
  epoch: number;
  state: 'translated' | 'pass-through' | 'blocked' | 'broken';
  /** Bytes that are mapped in all. */
  bytes: number;
  tablePages: number;
  mappings: { iova: string; phys: string; length: number; rights: string }[];
}

export interface TablesOfResult {
  device: string;
  before: ReachOfResult | null;
  after: ReachOfResult | null;
  /** Pages behind the same IOVA with the same rights, before and after. */
  same: number;
  /** Pages of tables that were to be handed over, and how many of them nobody has given back. */
  handedOver: number;
  leaked: number;
  problems: string[];
}

export interface IommuOfResult {
  kind: IommuKind;
  /** `count`: how many of the kind in a row. */
  timeline: { t: number; epoch: number; what: string; detail: string; count: number }[];
  /** Events that the timeline leaves out. */
  leftOut: number;
  /**
   * The longest time of an update in which DMA was not translated, milliseconds; null where it was never seen on, or
   * never came on again.
   */
  gapMs: number | null;
  /**
   * One an update. `kept`: never off; `gap`: off and on again; `open`: never on again; `off`: not on when the kexec
   * began.
   */
  gaps: { epoch: number; state: 'kept' | 'gap' | 'open' | 'off'; ms: number | null }[];
  /** Requests of devices that were blocked, by device. */
  faults: { device: string; count: number; first: string }[];
  /** The iommufd of each device whose iommufd was given to a session. */
  descriptors: { device: string; epoch: number; carried: 'kept' | 'lost' }[];
  tables: TablesOfResult[];
  /** Bytes that a device wrote to where it had no business. */
  strays: { device: string; iova: string; phys: string; bytes: number }[];
}
