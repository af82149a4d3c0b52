// SPDX-License-Identifier: Apache-2.0
// A checked, fully defaulted scenario. The short form (sessions) has already become steps: the run knows steps only.
import type { ClientAction } from './client.js';
import type { DeviceAction, DevicePlan } from './device.js';
import type { FileAction, MemfdFlag } from './file-steps.js';
import type { GuestAction, GuestFileSpec } from './guest.js';
import type { EndsIn, Outcome } from '../result/outcome.js';
import type { Change, Place } from './place.js';
import type { TaintName } from '../result/taint.js';
import type { Token } from './token.js';
import type { Witness } from '../result/witness.js';

/** Where in the scenario file something was written, for messages. Lines and columns count from 1. */
export interface SourcePos {
  file: string;
  line: number;
  column: number;
}

/** A run of pages of a file, in pages of 4096 bytes. */
export interface PageRange {
  first: number;
  count: number;
}

/**
 * Pages that were written over with another seed; `size`: where the file ended then, as what lies behind that in its
 * last page is zero.
 */
export interface WrittenPages extends PageRange {
  seed: number;
  size: number;
}

export const SEALS = ['seal', 'shrink', 'grow', 'write', 'future_write', 'exec'] as const;
export type Seal = (typeof SEALS)[number];

export interface MachineSpec {
  /** RAM in bytes. */
  memory: number;
  cpus: number;
  /**
   * The emulated processors count instructions, so that the machine's time does not depend on the host's load. Without
   * effect on KVM.
   */
  icount: boolean;
  /** Arguments for QEMU as they are; for what the lab has no word for. */
  qemuArgs: string[];
}

/** What every file that a session carries is made of. */
interface ContentSpec {
  /** Name of the file within the run. */
  file: string;
  /** Size in bytes; need not be a multiple of the page size. */
  size: number;
  /** Seed of the content pattern, 32 bits. */
  seed: number;
  /** Pages that are never written. */
  holes: PageRange[];
  /** What steps wrote into it later. */
  written?: WrittenPages[];
}

export interface MemfdSpec extends ContentSpec {
  kind: 'memfd';
  /** Ask for transparent huge folios (MADV_HUGEPAGE on shmem), where the kernel gives them. */
  huge: boolean;
  seals: Seal[];
  flags?: MemfdFlag[];
  /** File position in bytes. */
  position: number;
}

/**
 * /dev/labobj, the lab's own preserved object; `size` is that of its pages, a multiple of 4096, and there are no holes.
 */
export interface ObjectSpec extends ContentSpec {
  kind: 'object';
  /** Bytes of its array. */
  array: number;
  /** Up to 2^53-1. */
  state: number;
  /** At most 32 bytes. */
  label: string;
}

/** A file that the lab fills. */
export type FilledSpec = MemfdSpec | ObjectSpec;
export type FileSpec = FilledSpec | GuestFileSpec;

/** A change made from outside, through the machine's memory or QEMU. */
export type Fault =
  /**
   * Overwrite every place in memory where `find` stands as a whole NUL-terminated string with `write` (no longer than
   * `find`).
   */
  | { kind: 'replace'; find: string; write: string; where: 'page-start' | 'anywhere' }
  /** Flip the bits of `mask` in one byte of one page of a preserved file. */
  | { kind: 'flip'; file: string; page: number; offset: number; mask: number }
  /**
   * Change what stands at a place of the handover, found by walking its structures. `text`: the place as written.
   * `side`: what the running kernel will hand over, or what it was handed.
   */
  | { kind: 'change'; text: string; place: Place; change: Change; side: 'outgoing' | 'incoming' }
  /**
   * QMP device_del of a device of the scenario: the machine is asked to let it go, as an operator who pulls it out
   * would.
   */
  | { kind: 'unplug'; device: string }
  /** Damage the tables that the IOMMU translates a device's DMA by, in the machine's memory. */
  | { kind: 'iommu-table'; device: string; damage: TableDamage }
  /** Empty the interrupt descriptor table: the next interrupt is a triple fault. */
  | { kind: 'triple-fault' }
  /** QMP system_reset. */
  | { kind: 'reset' }
  /** Stop all vCPUs for good. */
  | { kind: 'stop' }
  /** QMP inject-nmi. */
  | { kind: 'nmi' };

/**
 * What becomes of an entry of a device's page tables. `loop`: it leads to the table that it is in; `reserved`: bits are
 * set that must be 0; `not-present`: it is empty; `elsewhere`: the first page that is mapped is another page.
 */
export const TABLE_DAMAGES = ['loop', 'reserved', 'not-present', 'elsewhere'] as const;
export type TableDamage = (typeof TABLE_DAMAGES)[number];

/** When a fault strikes, where it is not a step of its own. `jump`: as soon as the old kernel has begun the kexec. */
export const FAULT_MOMENTS = ['before-kexec', 'jump', 'next-kernel', 'before-finish'] as const;
export type FaultMoment = (typeof FAULT_MOMENTS)[number];

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
  | ClientAction
  | DeviceAction
  | GuestAction
  | { op: 'load'; via: 'file' | 'legacy' }
  | { op: 'kexec' }
  | { op: 'abort' }
  | { op: 'kill-agent' }
  /** `timeout`: seconds after which the step has failed; it says nothing of the machine. */
  | { op: 'exec'; command: string; status: number; stdout: string | null; timeout: number }
  /** A stage of one of upstream's own tests; `stage`: null where it has none. */
  | { op: 'kselftest'; test: string; stage: 1 | 2 | null; timeout: number }
  | { op: 'upload'; from: string; to: string; mode: number }
  | { op: 'fault'; at: 'now' | 'jump'; fault: Fault };

export type Step = Action & {
  /** The kernel that runs when the step is due: 0 is `from`. */
  epoch: number;
  /**
   * An errno name that the scenario demands ('EBUSY'), 'OK' where it demands success, null where it demands nothing.
   */
  errno: string | null;
  /** Answers that are all right, where the scenario names more than one; `errno` is null then. */
  accepts?: string[];
  /** The client that carries it out; by default the first one. */
  by?: string;
  /** `kexec`: it is sent together with the reboot call, and what becomes of it is open. */
  during?: 'kexec';
  pos: SourcePos;
};

/** Memory reserved by name on the kernel command line (reserve_mem=), watched across the update. */
export interface ReserveMemSpec {
  name: string;
  /** Bytes. */
  size: number;
  seed: number;
}

export const POLICIES = ['force', 'check'] as const;
export type Policy = (typeof POLICIES)[number];

/** Ways out of a host that an update has left impaired. */
export const RECOVERIES = ['reboot', 'update'] as const;
export type Recovery = (typeof RECOVERIES)[number];

export interface Scenario {
  name: string;
  description: string;
  tags: string[];
  /** Kernels by name or path, one an epoch: [from, to] or a chain. */
  kernels: string[];
  machine: MachineSpec;
  /** What each epoch's kernel command line gets in addition to the lab's own; one an epoch. */
  cmdlines: string[];
  reserveMem: ReserveMemSpec[];
  /** Devices that are passed through, and the IOMMU in front of them. */
  hardware: DevicePlan;
  steps: Step[];
  /**
   * `check`: the running kernel is asked what it would write, and an update that cannot work is called off. `force`: it
   * is tried.
   */
  policy: Policy;
  /** What is tried, and measured, where the last update did not end well; null: nothing. */
  recover: Recovery | null;
  /** `endsIn`: null where it follows from the outcome. */
  expect: { outcome: Outcome; endsIn: EndsIn | null };
  /** Witnesses that the user does without: a verdict may rest on the others. */
  without: Witness[];
  /** How its kernels mark themselves on purpose: neither the flag nor the complaint that goes with it counts. */
  taint: TaintName[];
  /** Deadline of the whole run in seconds; null: derived from a boot measured on the spot. */
  timeout: number | null;
  /** Deadline for a single progress mark in seconds; null: as above. */
  deadline: number | null;
  file: string;
  /** The file's text, as read. */
  source: string;
}
