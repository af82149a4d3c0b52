// SPDX-License-Identifier: Apache-2.0
// Devices that a scenario puts into the machine to be passed through, and the IOMMU in front of them.
import type { SourcePos } from './scenario.js';
import type { Token } from './token.js';

export const IOMMU_KINDS = ['none', 'intel', 'amd', 'virtio'] as const;
export type IommuKind = (typeof IOMMU_KINDS)[number];

export interface IommuSpec {
  kind: IommuKind;
  /** Interrupts are remapped too; virtio has none. */
  intremap: boolean;
  /** VT-d's scalable mode. */
  scalable: boolean;
  /** Width of an IOVA, in bits. */
  bits: number;
  /**
   * Of the iommufd of each device that is given to a session: does it go with it? As for a device, with `recreate` for
   * never.
   */
  preserve: DevicePreserve;
  /** Where the scenario says it; of the file's beginning where it does not. */
  pos: SourcePos;
}

export const DEVICE_MODELS = ['edu', 'nvme', 'virtio-net', 'virtio-blk', 'ivshmem'] as const;
export type DeviceModel = (typeof DEVICE_MODELS)[number];

/**
 * `required`: LUO must carry its descriptor, or the update is called off. `if-supported`: LUO is asked to, and where it
 * does not, as `recreate`: closed, and opened and mapped anew by the next kernel.
 */
export const DEVICE_PRESERVES = ['required', 'if-supported', 'recreate'] as const;
export type DevicePreserve = (typeof DEVICE_PRESERVES)[number];

export const DEVICE_INTERRUPTS = ['armed', 'off'] as const;
export type DeviceInterrupts = (typeof DEVICE_INTERRUPTS)[number];

export const RIGHTS = ['rw', 'r', 'w'] as const;
/** What the device may do with the memory. */
export type Rights = (typeof RIGHTS)[number];

/** A whole file that a device reaches from `iova` on. */
export interface DeviceMapping {
  file: string;
  /** Bytes, whole pages. */
  iova: number;
  rights: Rights;
}

export interface DeviceSpec {
  name: string;
  model: DeviceModel;
  /** On its own bus. */
  slot: number;
  function: number;
  /** Root port that it hangs behind; null on the root bus. */
  behind: string | null;
  /** Bytes of what backs it; 0 for models that nothing backs. */
  size: number;
  preserve: DevicePreserve;
  /** Session and token that carry its descriptor; null where none is named. */
  session: string | null;
  token: Token | null;
  /** Token of its iommufd in the same session; null where that is not given to one. */
  iommuToken: Token | null;
  /** Short form only: what is mapped once it is open. */
  map: DeviceMapping[];
  /** Short form only: a transfer is begun right before the kexec. */
  inFlight: boolean;
  /**
   * `armed`: once an interrupt was tried, it stays set up, over the kexec too. `off`: it is taken down when the try is
   * over.
   */
  interrupts: DeviceInterrupts;
  /** Short form only: the guest that has it. */
  guest: string | null;
  pos: SourcePos;
}

/** A root port that the lab makes because a device is to hang behind it. */
export interface RootPort {
  name: string;
  slot: number;
}

/** Everything of a scenario that is about devices. */
export interface DevicePlan {
  iommu: IommuSpec;
  devices: DeviceSpec[];
  rootPorts: RootPort[];
}

/**
 * Operations of the lab on a device. `optional`: left out where LUO carries the device (close, open, map) or where it
 * does not (retrieve); a preserve that the kernel has no handler for (ENOENT) then calls nothing off.
 */
export type DeviceAction =
  | { op: 'device-open'; device: string; optional: boolean }
  | { op: 'device-map'; device: string; map: DeviceMapping; optional: boolean }
  | { op: 'device-preserve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'device-retrieve'; device: string; session: string; token: Token; optional: boolean }
  /** The iommufd that the device is bound to; it must be there before the device is. */
  | { op: 'iommu-preserve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'iommu-retrieve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'device-check'; device: string }
  /** A transfer is begun and not waited for. */
  | { op: 'device-dma'; device: string }
  | { op: 'device-close'; device: string; optional: boolean };

export const DEVICE_OPS = [
  'device-open',
  'device-map',
  'device-preserve',
  'device-retrieve',
  'iommu-preserve',
  'iommu-retrieve',
  'device-check',
  'device-dma',
  'device-close',
] as const satisfies readonly DeviceAction['op'][];

export function isDeviceAction<T extends { op: string }>(action: T): action is Extract<T, DeviceAction> {
  return (DEVICE_OPS as readonly string[]).includes(action.op);
}
