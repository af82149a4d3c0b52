// SPDX-License-Identifier: Apache-2.0
// What the lab knows about each device of the scenario during the run.
import type { DeviceMapping, DeviceSpec } from '../../model/scenario/device.js';
import type { DeviceLook, LookMoment } from '../../model/kernel/pci.js';
import type { Token } from '../../model/scenario/token.js';
import type { DeviceTables, Strays, StraySnapshot } from '../../oracles/iommu/index.js';

/** The memory that a device could reach at one moment. */
export interface TablesLook {
  moment: LookMoment;
  epoch: number;
  t: number;
  tables: DeviceTables;
  /** Pages of the tables that were free memory for the kernel that ran then. */
  free: number[];
  /** Content of each page, if the tables were about to be handed over. */
  contents: Map<number, string>;
  /** What user space had mapped for it then. */
  maps: DeviceMapping[];
  /** A fault of the lab had damaged them: they are no longer what the kernel set up. */
  damaged: boolean;
}

/** A transfer that the lab started right before a kexec. */
export interface InFlight {
  iova: number;
  length: number;
  /** The data that it writes, and the data that was at its target before. */
  content: Uint8Array;
  before: Uint8Array;
  /** Physical address of its target. */
  phys: number;
  /** Earlier content of the memory whose physical address equals the IOVA. */
  snapshot: StraySnapshot;
  epoch: number;
  began: number;
  /** Null until the lab looks. */
  fate: 'landed' | 'early' | 'blocked' | 'strayed' | 'partly' | null;
  strays: Strays | null;
}

/** How a device came into the running kernel. */
export type Carried = 'kept' | 'recreated' | 'lost';

export class DeviceState {
  /** For example `0000:00:05.0`, and the IOMMU's source id for it; known once QEMU was asked. */
  address: string | null = null;
  source = 0;
  /** Offset of its PCI Express capability in configuration space; null if it has none. */
  express: number | null = null;
  open = false;
  /** The domain is attached: the device may reach memory. */
  attached = false;
  /** Some kernel of the run has opened it: only then must anything come back. */
  everOpen = false;
  /** The session of the running kernel that preserves its descriptor. */
  preserved: { session: string; token: Token } | null = null;
  /** The session in which the previous kernel handed it over. */
  carriedBy: { session: string; token: Token } | null = null;
  /** Its descriptor came back and was bound to an iommufd. */
  retrieved = false;
  /** When it was last opened, in milliseconds of the run. */
  openedAt = 0;
  /** Epochs in which its descriptor came back, but the kernel refused a call that is needed to use it. */
  readonly unusable: number[] = [];
  /** The same for the iommufd that it is bound to. */
  readonly iommufd = { preserved: false, carried: false, retrieved: false };
  maps: DeviceMapping[] = [];
  /** The guest that has it in the running kernel, and whether the device was reset for that. */
  guest: { name: string; reset: boolean } | null = null;
  /** What the lab wrote into edu's registers; they must hold it from then on. */
  wrote: { liveness: number; factorial: number } | null = null;
  readonly looks: DeviceLook[] = [];
  readonly tables: TablesLook[] = [];
  /** What user space found wrong, with the epoch. */
  readonly problems: { epoch: number; what: string }[] = [];
  readonly transfers: InFlight[] = [];

  constructor(readonly spec: DeviceSpec) {}

  /** The next kernel runs now: every descriptor of the old one is closed. */
  jumped(): void {
    this.carriedBy = this.preserved;
    this.preserved = null;
    this.retrieved = false;
    Object.assign(this.iommufd, { preserved: false, carried: this.iommufd.preserved, retrieved: false });
    this.closed();
  }

  /** The agent is gone, or it has closed the device. */
  closed(): void {
    this.open = false;
    this.attached = false;
    this.maps = [];
    this.guest = null;
  }

  look(epoch: number, moment: LookMoment): DeviceLook | null {
    return this.looks.findLast((look) => look.epoch === epoch && look.moment === moment) ?? null;
  }
}
