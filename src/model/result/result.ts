// SPDX-License-Identifier: Apache-2.0
// result.json, which other people's scripts read. Its JSON Schema is schema/result.schema.json, generated from
// store/run/result-schema.ts.
import type { HandedOverOfResult } from '../evidence/handed-over.js';
import type { Component, Mismatch } from '../kernel/component.js';
import type { DowntimeOfResult, GuestOfResult, ImpairedOfResult, RecoveryOfResult } from './guest-result.js';
import type { DeviceOfResult, IommuOfResult } from './hardware-result.js';
import type { Incident } from './incident.js';
import type { EndsIn, Outcome } from './outcome.js';
import type { PredictionOfResult } from './prediction.js';
import type { Policy } from '../scenario/scenario.js';
import type { CaseOfResult } from '../scenario/selftest.js';
import type { SnapshotOfResult } from './snapshot.js';
import type { Token } from '../scenario/token.js';
import type { Witness, WitnessOfResult } from './witness.js';

/** Version of the format of result.json. */
export const RESULT_SCHEMA = 6;

export interface KernelOfResult {
  name: string;
  /** From the running kernel, or from its image if it never booted. */
  release: string | null;
  components: Component[];
  /** SHA-256 of the bzImage. */
  sha256: string;
  /**
   * `core`: built without what only guests and devices need. `store`: the image store that it came from; null if it was
   * built on this host. Results of earlier versions lack it.
   */
  image?: { variant: 'full' | 'core'; store: string | null } | undefined;
}

/** The parts of an object besides its pages. `arrived`: the version that carried it, or 0 if it was not carried. */
export interface ObjectOfResult {
  array: number;
  badArray: number;
  state: number;
  label: string;
  arrived: number;
}

/** A file that one update should carry over. */
export interface ResourceOfResult {
  kind: 'memfd' | 'object' | 'guest-ram' | 'guest-state' | 'reserve_mem';
  name: string;
  session: string | null;
  token: Token | null;
  /** The epoch in which it should come back. */
  epoch: number;
  /** `unjudged`: the machine ended first. */
  state: 'intact' | 'corrupt' | 'leaked' | 'lost' | 'unjudged';
  /** Bytes. */
  size: number;
  /** Pages of 4096 bytes. */
  pages: number;
  /** The amount that the first kernel kept in huge folios. */
  hugeKiB: number;
  /**
   * `blocks`: allocated 512-byte blocks, which show whether the holes were filled. `mode`: permission bits. `access`:
   * rights of its descriptor, `r`, `w` or `rw`. Results of earlier versions have neither `mode` nor `access`.
   */
  inside: {
    pages: number;
    bad: number;
    size: number;
    position: number;
    seals: string[];
    blocks: number;
    mode?: number | null | undefined;
    access?: string | null | undefined;
    object: ObjectOfResult | null;
  } | null;
  outside: { pages: number; different: number; overwritten: number; readable: number } | null;
  problems: string[];
}

/** `lost`: freed, but still readable. `reused`: freed and overwritten. `own`: the handover's own, which stays. */
export const PHYS_STATES = ['intact', 'corrupt', 'leaked', 'lost', 'reused', 'unjudged', 'own'] as const;
export type PhysState = (typeof PHYS_STATES)[number];

export interface MemoryOfResult {
  pagesPreserved: number;
  pagesIntact: number;
  pagesLeaked: number;
  pagesLost: number;
  pagesCorrupt: number;
  /**
   * Each update: the pages that KHO had marked on arrival and at the end, the handover's own pages among the latter
   * (`baseline`), and a map with the state of every page of the files. `mapLeftOut`: pages that did not fit in the map.
   */
  updates: {
    epoch: number;
    markedOnArrival: number | null;
    markedAtEnd: number | null;
    baseline: { what: string; phys: string; pages: number }[];
    map: { phys: string; pages: number; state: PhysState }[];
    mapLeftOut: number;
  }[];
}

/**
 * An attempt to update. `judged`: the next kernel came up, and the lab checked everything that was carried. `refused`:
 * it was called off, and the old kernel continues. `ended`: a kernel, or the lab, ended before the lab could check.
 */
export interface AttemptOfResult {
  /** The kernel that should hand over. */
  epoch: number;
  /** Counts from 1 in each kernel. */
  attempt: number;
  state: 'judged' | 'refused' | 'ended';
  /** Number of sessions and files to hand over. */
  sessions: number;
  files: number;
  /** When it started, in milliseconds of the run. */
  at: number;
  /** Why it was called off. */
  why: string | null;
}

/** `tainted_mask` of the kernel before the first preserve, and of the last kernel; null if it could not be read. */
export interface TaintOfResult {
  before: number | null;
  after: number | null;
  /** Names (model/result/taint.ts) of the flags that were set in the run and that the scenario does not declare. */
  flags: string[];
}

/** How programs are confined on this host (docs/security.md). */
export interface SandboxKind {
  kind: 'bwrap' | 'setpriv' | 'none';
  /** A user that nobody else is, or the lab's own without its rights. */
  user: 'own' | 'lab';
  /** Why it is not better; null for the best. */
  why: string | null;
}

/** What QEMU ran in. */
export interface SandboxOfResult extends SandboxKind {
  /** The command in front of QEMU's own. */
  command: string[];
}

export interface QemuOfResult {
  version: string;
  accel: string;
  commandLine: string;
  /** Null if QEMU was not started, and in results of older versions. */
  sandbox: SandboxOfResult | null;
}

export interface Result {
  /**
   * The lab also reads older versions: 1 has no witnesses, none before 4 says what the run started from, and none
   * before 5 what was handed over.
   */
  schema: 1 | 2 | 3 | 4 | 5 | typeof RESULT_SCHEMA;
  id: string;
  scenario: { name: string; description: string; tags: string[]; file: string };
  from: KernelOfResult;
  to: KernelOfResult;
  /** All kernels in the order of the run. `from` and `to` are the first and the last. */
  kernels: KernelOfResult[];
  policy: Policy;
  outcome: Outcome;
  endsIn: EndsIn;
  /** The deciding incident; null for `preserved`. */
  cause: Incident | null;
  expected: Outcome;
  expectedEndsIn: EndsIn | null;
  asExpected: boolean;
  predicted: PredictionOfResult | null;
  mismatches: Mismatch[];
  /** Every attempt to update, in order. */
  attempts: AttemptOfResult[];
  resources: ResourceOfResult[];
  /** Passed-through devices, one entry for each device and update. */
  devices: DeviceOfResult[];
  /** Null for a machine without an IOMMU. */
  iommu: IommuOfResult | null;
  guests: GuestOfResult[];
  /** Guest downtime, one entry for each update. */
  downtime: DowntimeOfResult[];
  /** Results of upstream's own tests, if the scenario runs any. */
  cases: CaseOfResult[];
  /** The damage to the host, if any. */
  impaired: ImpairedOfResult | null;
  /** Null if the scenario does not ask for it, or if there was nothing to recover from. */
  recovery: RecoveryOfResult | null;
  incidents: Incident[];
  /** One entry for each witness that was needed or that looked. */
  witnesses: Partial<Record<Witness, WitnessOfResult>>;
  /** Null if it was never read. */
  taint: TaintOfResult | null;
  memory: MemoryOfResult;
  /** Each update whose pages were followed, no matter who preserved them (docs/judge.md). */
  handedOver: HandedOverOfResult[];
  /** Main events, in milliseconds since the start of the run. */
  timeline: { t: number; epoch: number; what: string }[];
  qemu: QemuOfResult;
  /** The saved machine that the run started from, or why it booted; null in older results. */
  snapshot: SnapshotOfResult | null;
  /** Milliseconds. */
  durations: Record<string, number>;
  /**
   * Use of the lab's own process so far: CPU in milliseconds, peak memory in KiB. `loopDelay`: how late its event loop
   * was during the run, in milliseconds; null in older results.
   */
  lab: { cpuMs: number; peakRssKiB: number; loopDelay: { p99: number; max: number } | null };
  versions: { lab: string; node: string };
  startedAt: string;
}
