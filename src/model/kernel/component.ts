// SPDX-License-Identifier: Apache-2.0
// Versioned parts of the handover format, and mismatches between two kernels.
import { z } from 'zod';
import type { EndsIn } from '../result/outcome.js';

/** A versioned part of the handover format, for example { name: 'memfd', version: 2 }. */
export const componentSchema = z.object({ name: z.string(), version: z.number() });
export type Component = z.infer<typeof componentSchema>;

/** Names that a kernel registers with LUO: of file handlers, and of file-lifecycle-bound objects (FLBs). */
export const registeredSchema = z.object({ handlers: z.array(z.string()), flbs: z.array(z.string()) });
export type Registered = z.infer<typeof registeredSchema>;

/** How the lab's own object stores its version (docs/compat.md). Stock components use one token each. */
export const NOTATIONS = ['token', 'composite', 'fdt', 'integer'] as const;
export type Notation = (typeof NOTATIONS)[number];

/** When a kernel checks the incoming version: as user space retrieves the file, like stock handlers, or during boot. */
export const CHECK_TIMES = ['late', 'early'] as const;
export type CheckTime = (typeof CHECK_TIMES)[number];

export interface Manner {
  notation: Notation;
  check: CheckTime;
}

/** The versions of a component that a kernel supports, highest first. */
export interface ComponentVersions {
  name: string;
  /** Empty if the kernel has the component and its version is not known. */
  reads: number[];
  /** Versions that it can write; null if unknown. */
  writes: number[] | null;
  /** The version that it writes by default; null if unknown. */
  write: number | null;
  /** Only for the lab's own object, if its build options are known. */
  manner: Manner | null;
  /** What LUO knows it as, if the image shows that. */
  kind?: 'handler' | 'flb';
}

/** Components of the handover that the lab knows. */
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

/** Components that a profile may pin. The format of a guest's state is the agent's own (lab/agent/guest/state.h). */
export const PINNABLE_COMPONENTS = [...KNOWN_COMPONENTS, 'guest-state'] as const;

/** Parts of a handover that only a run can check: the device itself, its descriptor, and its IOMMU mappings. */
export const HARDWARE_COMPONENTS = ['pci', 'vfio', 'iommu'] as const;
export type HardwareComponent = (typeof HARDWARE_COMPONENTS)[number];

/** A component that the next kernel cannot read in the version that the old one wrote. */
export interface Mismatch {
  component: string;
  /** Version that the old kernel wrote; null if it does not write the component. */
  wrote: number | null;
  /** Versions that the next kernel reads; empty if it does not know the component. */
  reads: number[];
  endsIn: EndsIn;
  /** Where it was found: in the images, or in this run. */
  source: 'images' | 'run';
  detail: string;
}
