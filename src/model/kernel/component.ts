// SPDX-License-Identifier: Apache-2.0
// Versioned parts of the handover format, and where two kernels do not meet.
import type { EndsIn } from '../result/outcome.js';

/** One versioned part of the handover format, for example { name: 'memfd', version: 2 }. */
export interface Component {
  name: string;
  version: number;
}

/** How the version of the lab's own object is written down (docs/compat.md). Stock components use one token each. */
export const NOTATIONS = ['token', 'composite', 'fdt', 'integer'] as const;
export type Notation = (typeof NOTATIONS)[number];

/**
 * When a kernel looks at the version that arrived: as user space asks for the file, as stock handlers do, or early in
 * boot.
 */
export const CHECK_TIMES = ['late', 'early'] as const;
export type CheckTime = (typeof CHECK_TIMES)[number];

export interface Manner {
  notation: Notation;
  check: CheckTime;
}

/** What one kernel does with one component. Lists of versions have the highest first. */
export interface ComponentVersions {
  name: string;
  reads: number[];
  /** Versions that it can write; null where nothing tells. */
  writes: number[] | null;
  /** The one that it writes if nobody asks for another; null where that is not known. */
  write: number | null;
  /** Only of the lab's own object, where its build options are known; null for everything else. */
  manner: Manner | null;
}

/** Components of the handover that the lab knows by name. */
export const KNOWN_COMPONENTS = [
  'kho',
  'luo',
  'luo-session',
  'luo-flb',
  'memfd',
  'object',
  'memblock',
  'reserve-mem',
  'kexec-metadata',
] as const;

/**
 * What a profile may pin: besides what kernels hand over, the form of a guest's state, which is the agent's own
 * (lab/agent/guest/state.h).
 */
export const PINNABLE_COMPONENTS = [...KNOWN_COMPONENTS, 'guest-state'] as const;

/** Parts of a handover that only a run shows: the device itself, its open descriptor, and what it reaches. */
export const HARDWARE_COMPONENTS = ['pci', 'vfio', 'iommu'] as const;
export type HardwareComponent = (typeof HARDWARE_COMPONENTS)[number];

/** A component that the next kernel does not understand in the version that the old one wrote. */
export interface Mismatch {
  component: string;
  /** Version that the old kernel wrote; null where it does not write the component. */
  wrote: number | null;
  /** Versions that the next kernel reads; empty where it does not know the component. */
  reads: number[];
  endsIn: EndsIn;
  /** How it is known: read from the images, or seen in this run. */
  source: 'images' | 'run';
  detail: string;
}
