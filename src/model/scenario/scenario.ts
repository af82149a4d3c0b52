// SPDX-License-Identifier: Apache-2.0
// A checked scenario with all defaults. The short form (sessions) is already expanded: a run knows only steps.
import type { ClientAction, During } from './client.js';
import type { DescriptorAction } from './descriptor.js';
import type { DeviceAction, DevicePlan } from './device.js';
import type { FileAction, MemfdFlag, Seal } from './file-steps.js';
import type { GuestAction, GuestFileSpec } from './guest.js';
import type { EndsIn, Outcome } from '../result/outcome.js';
import type { Change, Place } from './place.js';
import type { Signing } from '../kernel/signing.js';
import type { SourcePos } from './source-pos.js';
import type { TaintName } from '../result/taint.js';
import type { Token } from './token.js';
import type { Witness } from '../result/witness.js';

/** Some pages in a row of a file, in units of 4096 bytes. */
export interface PageRange {
  first: number;
  count: number;
}

/** Pages that were overwritten with another seed. `size` was the file's size then: the last page is zero after it. */
export interface WrittenPages extends PageRange {
  seed: number;
  size: number;
}

/** A NUMA node. `cpus` of them, in order, are its own. */
export interface NumaNode {
  memory: number;
  cpus: number;
}

export interface MachineSpec {
  /** RAM in bytes. */
  memory: number;
  cpus: number;
  /** Its nodes have all of its memory and CPUs. Without it, the machine has no nodes. */
  numa?: NumaNode[] | undefined;
  /** Emulated CPUs count instructions, so that the machine's time does not depend on the host's load. Not for KVM. */
  icount: boolean;
  /** Seed of the machine's random numbers. With `icount`, each run is the same as far as possible. */
  seed?: number | undefined;
  /** Extra arguments for QEMU, for settings that the lab does not offer. */
  qemuArgs: string[];
}

/** The content of a file. */
interface ContentSpec {
  /** Name of the file in the scenario. */
  file: string;
  /** In bytes; not necessarily a multiple of the page size. */
  size: number;
  /** Seed of the content pattern, 32 bits. */
  seed: number;
  /** Pages that are never written. */
  holes: PageRange[];
  /** Pages that steps overwrite later. */
  written?: WrittenPages[];
}

export interface MemfdSpec extends ContentSpec {
  kind: 'memfd';
  /** Ask for transparent huge folios (MADV_HUGEPAGE on shmem); the kernel may ignore it. */
  huge: boolean;
  seals: Seal[];
  flags?: MemfdFlag[];
  /** File position in bytes. */
  position: number;
}

/** /dev/labobj, the lab's own preserved object. `size` counts its pages, so it is a multiple of 4096; no holes. */
export interface ObjectSpec extends ContentSpec {
  kind: 'object';
  /** Length of its array in bytes. */
  array: number;
  /** Up to 2^53-1. */
  state: number;
  /** Up to 32 bytes. */
  label: string;
}

/** A file that the lab fills. */
export type FilledSpec = MemfdSpec | ObjectSpec;
export type FileSpec = FilledSpec | GuestFileSpec;

/** A change from outside, through the machine's memory or QEMU. */
export type Fault =
  /** Replaces every complete, NUL-terminated string `find` in memory by `write`, which is not longer. */
  | { kind: 'replace'; find: string; write: string; where: 'page-start' | 'anywhere' }
  /** Flips the bits of `mask` in one byte of a page of a preserved file. */
  | { kind: 'flip'; file: string; page: number; offset: number; mask: number }
  /**
   * Changes a field of the handover. `text`: the place as written in the scenario. `side`: the handover that the
   * running kernel will give (outgoing), or the one that it got (incoming).
   */
  | { kind: 'change'; text: string; place: Place; change: Change; side: 'outgoing' | 'incoming' }
  /** Removes a device of the scenario with QMP device_del, as if an operator unplugged it. */
  | { kind: 'unplug'; device: string }
  /** Damages the IOMMU's tables of a device, in the machine's memory. */
  | { kind: 'iommu-table'; device: string; damage: TableDamage }
  /** Clears the interrupt descriptor table, so that the next interrupt is a triple fault. */
  | { kind: 'triple-fault' }
  /** QMP system_reset. */
  | { kind: 'reset' }
  /** Stops all vCPUs. */
  | { kind: 'stop' }
  /** QMP inject-nmi. */
  | { kind: 'nmi' };

/**
 * Damage to an entry of a device's page tables. `loop`: it points to its own table. `reserved`: bits are set that must
 * be 0. `not-present`: it is cleared. `elsewhere`: the first mapped page is replaced by another one.
 */
export const TABLE_DAMAGES = ['loop', 'reserved', 'not-present', 'elsewhere'] as const;
export type TableDamage = (typeof TABLE_DAMAGES)[number];

/** Moments for faults that are not steps of their own. `jump`: as soon as the old kernel starts the kexec. */
export const FAULT_MOMENTS = ['before-kexec', 'jump', 'next-kernel', 'before-finish'] as const;
export type FaultMoment = (typeof FAULT_MOMENTS)[number];

/** Operations of a live update alone: on sessions, on their files, and the update itself. */
export const UPDATE_OPS = [
  'open',
  'create',
  'memfd',
  'preserve',
  'retrieve-session',
  'retrieve',
  'check',
  'finish',
  'close',
  'load',
  'kexec',
  'abort',
  'kill-agent',
] as const;

export type Action =
  | { op: 'open' }
  | { op: 'create'; session: string }
  | { op: 'memfd'; memfd: MemfdSpec }
  | { op: 'object'; object: ObjectSpec }
  | { op: 'preserve'; session: string; file: string; token: Token }
  | { op: 'retrieve-session'; session: string }
  | { op: 'retrieve'; session: string; token: Token; file: string }
  | { op: 'check'; file: string }
  | { op: 'finish'; session: string }
  | { op: 'close'; target: { kind: 'session' | 'file'; name: string } | { kind: 'device' } }
  | FileAction
  | DescriptorAction
  | ClientAction
  | DeviceAction
  | GuestAction
  | { op: 'load'; via: 'file' | 'legacy' }
  | { op: 'kexec' }
  | { op: 'abort' }
  | { op: 'kill-agent' }
  /** Process 1 becomes that of another system, in the kernel that has just come up. */
  | { op: 'start-userspace'; userspace: string }
  /** `timeout`: the step fails after this many seconds, which says nothing about the machine. */
  | { op: 'exec'; command: string; status: number; stdout: string | null; timeout: number }
  /**
   * One of upstream's own tests. `stage` is null if it has no stages. `tree`: the kernel whose source has it, if that
   * is not the one that runs it. `args`: its arguments besides the stage.
   */
  | { op: 'kselftest'; test: string; stage: 1 | 2 | null; timeout: number; tree?: string; args?: string[] }
  /** Adds a memory module to the running machine. */
  | { op: 'hotplug-memory'; size: number; timeout: number }
  /** `within`: if it is set, the file must lie in this folder, with all links followed. */
  | { op: 'upload'; from: string; to: string; mode: number; within?: string | null }
  | { op: 'fault'; at: 'now' | 'jump'; fault: Fault };

export type Step = Action & {
  /** The kernel that runs this step: 0 is `from`. */
  epoch: number;
  /** The result that the scenario demands: an errno name ('EBUSY') or 'OK' for success; null if it demands none. */
  errno: string | null;
  /** Accepted results, if the scenario names more than one. `errno` is null then. */
  accepts?: string[];
  /** The client that performs it; by default the first one. */
  by?: string;
  /** `kexec`: sent together with the reboot call. `next`: sent together with the next step, of another client. */
  during?: During;
  /** This allocation of the call fails, counted from 1. The call is then made again, unless it is to fail. */
  fail?: number;
  pos: SourcePos;
};

/** Memory reserved by name on the kernel command line (reserve_mem=), checked after the update. */
export interface ReserveMemSpec {
  name: string;
  /** Bytes. */
  size: number;
  seed: number;
}

export const POLICIES = ['force', 'check'] as const;
export type Policy = (typeof POLICIES)[number];

/** Ways to recover a host after an update that left it impaired. */
export const RECOVERIES = ['reboot', 'update'] as const;
export type Recovery = (typeof RECOVERIES)[number];

export interface Scenario {
  name: string;
  description: string;
  tags: string[];
  /** Kernels by name or path, one for each epoch: [from, to] or a chain. */
  kernels: string[];
  machine: MachineSpec;
  /** Additions to the lab's own kernel command line, one for each epoch. */
  cmdlines: string[];
  reserveMem: ReserveMemSpec[];
  /** Missing if the images are loaded as they were built. */
  sign?: Signing | undefined;
  /** Devices for pass-through, and the IOMMU in front of them. */
  hardware: DevicePlan;
  /** Another system as user space, by name: each kernel starts it before anything else. Without it, the lab's own. */
  userspace?: string;
  steps: Step[];
  /**
   * `check`: before the update, ask the running kernel what it would write, and call off an update that cannot work.
   * `force`: try it in any case.
   */
  policy: Policy;
  /** The recovery to try and measure if the last update did not end well; null for none. */
  recover: Recovery | null;
  /** `endsIn` is null if it follows from the outcome. */
  expect: { outcome: Outcome; endsIn: EndsIn | null };
  /** Witnesses that the verdict does not need. */
  without: Witness[];
  /** Taints that its kernels set on purpose. Neither the flag nor the console message for it counts. */
  taint: TaintName[];
  /** Deadline of the whole run in seconds; null to derive it from a measured boot. */
  timeout: number | null;
  /** Deadline for a single progress mark in seconds; null as for `timeout`. */
  deadline: number | null;
  file: string;
  /** Paths in it start here. Absolute. */
  folder: string;
  /** Its text may use everything of this host (src/trust). */
  trusted: boolean;
  /** The text of the file. */
  source: string;
}
