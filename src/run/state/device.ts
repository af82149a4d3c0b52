// SPDX-License-Identifier: Apache-2.0
// What the lab knows of each device of the scenario while it runs.
import type { DeviceMapping, DeviceSpec } from '../../model/scenario/device.js';
import type { DeviceLook, LookMoment } from '../../model/kernel/pci.js';
import type { Token } from '../../model/scenario/token.js';
import type { DeviceTables, Strays, StraySnapshot } from '../../oracles/iommu/index.js';

/** What a device reached at one moment. */
export interface TablesLook {
  moment: LookMoment;
  epoch: number;
  t: number;
  tables: DeviceTables;
  /** Pages of the tables that were free memory of the kernel that ran then. */
  free: number[];
  /** What each page held, where the tables were about to be handed over. */
  contents: Map<number, string>;
  /** What was mapped for it then. */
  maps: DeviceMapping[];
  /** The lab had damaged them: they are no longer what the kernel set up. */
  damaged: boolean;
}

/** A transfer that was begun right before a kexec. */
export interface InFlight {
  iova: number;
  length: number;
  /** What it carries, and what lay where it goes. */
  content: Uint8Array;
  before: Uint8Array;
  /** Physical address of where it should land. */
  phys: number;
  /** Memory at the physical address that equals the IOVA, as it was. */
  snapshot: StraySnapshot;
  epoch: number;
  began: number;
  /** null until somebody looked. */
  fate: 'landed' | 'early' | 'blocked' | 'strayed' | 'partly' | null;
  strays: Strays | null;
}

/** How a device came into the running kernel. */
export type Carried = 'kept' | 'recreated' | 'lost';

export class DeviceState {
  /** `0000:00:05.0` and the IOMMU's name for it, once QEMU was asked. */
  address: string | null = null;
  source = 0;
  /** Where its PCI Express capability is in configuration space; null where it has none. */
  express: number | null = null;
  open = false;
  /** The domain is attached: the device may reach memory. */
  attached = false;
  /** Opened by any kernel so far: only then something is to come back. */
  everOpen = false;
  /** The running kernel has given its descriptor to a session. */
  preserved: { session: string; token: Token } | null = null;
  /** The last kernel did. */
  carriedBy: { session: string; token: Token } | null = null;
  /** Its descriptor came back, and it was bound to an iommufd. */
  retrieved = false;
  /** Milliseconds of the run at which it was last opened. */
  openedAt = 0;
  /** Kernels in which its descriptor was there, and a call that whoever goes on with it needs was refused. */
  readonly unusable: number[] = [];
  /** The same of the iommufd that it is bound to. */
  readonly iommufd = { preserved: false, carried: false, retrieved: false };
  maps: DeviceMapping[] = [];
  /** The guest that has it in the running kernel, and whether it was put into its first state for it. */
  guest: { name: string; reset: boolean } | null = null;
  /** What the lab wrote into edu's registers; they must hold it ever after. */
  wrote: { liveness: number; factorial: number } | null = null;
  readonly looks: DeviceLook[] = [];
  readonly tables: TablesLook[] = [];
  /** What user space found wrong, by epoch. */
  readonly problems: { epoch: number; what: string }[] = [];
  readonly transfers: InFlight[] = [];

  constructor(readonly spec: DeviceSpec) {}

  /** The kernel has changed: every descriptor that nothing carries is closed. */
  jumped(): void {
    this.carriedBy = this.preserved;
    this.preserved = null;
    this.retrieved = false;
    Object.assign(this.iommufd, { preserved: false, carried: this.iommufd.preserved, retrieved: false });
    this.closed();
  }

  /** The agent is gone, or the device was closed. */
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
