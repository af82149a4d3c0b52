// SPDX-License-Identifier: Apache-2.0
// Devices in the machine that are passed through, and the IOMMU in front of them.
import type { SourcePos } from './source-pos.js';
import type { Token } from './token.js';

export const IOMMU_KINDS = ['none', 'intel', 'amd', 'virtio'] as const;
export type IommuKind = (typeof IOMMU_KINDS)[number];

export interface IommuSpec {
  kind: IommuKind;
  /** Interrupt remapping; virtio has none. */
  intremap: boolean;
  /** VT-d's scalable mode. */
  scalable: boolean;
  /** Width of an IOVA in bits. */
  bits: number;
  /** Whether LUO must also carry the iommufd of each device in a session. `recreate`: never. */
  preserve: DevicePreserve;
  /** Its position in the scenario, or the start of the file if the scenario has none. */
  pos: SourcePos;
}

export const DEVICE_MODELS = ['edu', 'nvme', 'virtio-net', 'virtio-blk', 'ivshmem'] as const;
export type DeviceModel = (typeof DEVICE_MODELS)[number];

/**
 * `required`: LUO must carry the descriptor, otherwise the lab calls the update off. `recreate`: the old kernel closes
 * the device, the next one opens and maps it again. `if-supported`: preserve it if LUO can, otherwise recreate it.
 */
export const DEVICE_PRESERVES = ['required', 'if-supported', 'recreate'] as const;
export type DevicePreserve = (typeof DEVICE_PRESERVES)[number];

/**
 * What must cross the kexec with a descriptor that LUO carries. `address`: the device is known again, and everything
 * else is set up again. `state`: it is not reset and keeps its registers. `dma`: it also reaches its memory all the
 * time.
 */
export const DEVICE_LEVELS = ['address', 'state', 'dma'] as const;
export type DeviceLevel = (typeof DEVICE_LEVELS)[number];

export const DEVICE_INTERRUPTS = ['armed', 'off'] as const;
export type DeviceInterrupts = (typeof DEVICE_INTERRUPTS)[number];

export const RIGHTS = ['rw', 'r', 'w'] as const;
/** What the device may do with the memory. */
export type Rights = (typeof RIGHTS)[number];

/** A whole file that is mapped for a device at `iova`. */
export interface DeviceMapping {
  file: string;
  /** A multiple of the page size. */
  iova: number;
  rights: Rights;
}

export interface DeviceSpec {
  name: string;
  model: DeviceModel;
  /** Slot on its own bus. */
  slot: number;
  function: number;
  /** Its root port; null on the root bus. */
  behind: string | null;
  /** Bytes of its backing storage; 0 for models without any. */
  size: number;
  preserve: DevicePreserve;
  /** What must hold where LUO carries it. */
  level: DeviceLevel;
  /** Session and token of its descriptor, if the scenario names them. */
  session: string | null;
  token: Token | null;
  /** Token of its iommufd in the same session; null if the iommufd is not preserved. */
  iommuToken: Token | null;
  /** Short form only: mappings to make after opening it. */
  map: DeviceMapping[];
  /** Short form only: start a transfer right before the kexec. */
  inFlight: boolean;
  /**
   * `armed`: after the interrupt test, the interrupt stays set up, even across the kexec. `off`: it is removed after
   * the test.
   */
  interrupts: DeviceInterrupts;
  /** Short form only: the guest that uses it. */
  guest: string | null;
  pos: SourcePos;
}

/** A root port that the lab adds for a device behind it. */
export interface RootPort {
  name: string;
  slot: number;
}

/** All devices of a scenario. */
export interface DevicePlan {
  iommu: IommuSpec;
  devices: DeviceSpec[];
  rootPorts: RootPort[];
}

/**
 * Operations of the lab on a device. An `optional` close, open or map is skipped if LUO carries the device; an optional
 * retrieve is skipped if LUO does not. If an optional preserve fails because there is no handler (ENOENT), the update
 * continues.
 */
export type DeviceAction =
  | { op: 'device-open'; device: string; optional: boolean }
  | { op: 'device-map'; device: string; map: DeviceMapping; optional: boolean }
  | { op: 'device-preserve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'device-retrieve'; device: string; session: string; token: Token; optional: boolean }
  /** The iommufd of the device. It must be preserved before the device. */
  | { op: 'iommu-preserve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'iommu-retrieve'; device: string; session: string; token: Token; optional: boolean }
  | { op: 'device-check'; device: string }
  /** Starts a transfer without waiting for its end. */
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
