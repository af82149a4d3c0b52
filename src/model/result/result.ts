// SPDX-License-Identifier: Apache-2.0
// result.json: what other people's scripts read. Its JSON Schema is schema/result.schema.json, made from
// store/run/result-schema.ts.
import type { Component, Mismatch } from '../kernel/component.js';
import type { DowntimeOfResult, GuestOfResult, ImpairedOfResult, RecoveryOfResult } from './guest-result.js';
import type { DeviceOfResult, IommuOfResult } from './hardware-result.js';
import type { Incident } from './incident.js';
import type { EndsIn, Outcome } from './outcome.js';
import type { PredictionOfResult } from './prediction.js';
import type { Policy } from '../scenario/scenario.js';
import type { CaseOfResult } from '../scenario/selftest.js';
import type { Token } from '../scenario/token.js';
import type { Witness, WitnessOfResult } from './witness.js';

/** Version of the form of result.json. */
export const RESULT_SCHEMA = 2;

export interface KernelOfResult {
  name: string;
  /** What the running kernel said of itself; from its image where it never came up. */
  release: string | null;
  components: Component[];
  /** SHA-256 of the bzImage. */
  sha256: string;
}

/** What an object had besides its pages; `arrived`: the version that it was carried in, 0 where it was not. */
export interface ObjectOfResult {
  array: number;
  badArray: number;
  state: number;
  label: string;
  arrived: number;
}

/** One file that was to be carried over one update. */
export interface ResourceOfResult {
  kind: 'memfd' | 'object' | 'guest-ram' | 'guest-state' | 'reserve_mem';
  name: string;
  session: string | null;
  token: Token | null;
  /** The epoch that it was to come back in. */
  epoch: number;
  /** `unjudged`: the machine came to an end first. */
  state: 'intact' | 'corrupt' | 'leaked' | 'lost' | 'unjudged';
  /** Bytes. */
  size: number;
  /** Pages of 4096 bytes. */
  pages: number;
  /** How much of it the first kernel had in huge folios. */
  hugeKiB: number;
  /**
   * `blocks`: 512-byte blocks that the file occupies, which tells whether its holes were filled. `mode`: permission
   * bits; `access`: what its descriptor allows, `r`, `w` or `rw`; results of earlier versions lack both.
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

/**
 * `lost`: given back, and still readable; `reused`: given back, and written over. `own`: the handover's own, which
 * stays.
 */
export const PHYS_STATES = ['intact', 'corrupt', 'leaked', 'lost', 'reused', 'unjudged', 'own'] as const;
export type PhysState = (typeof PHYS_STATES)[number];

export interface MemoryOfResult {
  pagesPreserved: number;
  pagesIntact: number;
  pagesLeaked: number;
  pagesLost: number;
  pagesCorrupt: number;
  /**
   * One entry an update: every page that KHO marked on arrival and at the end, which of the rest are the handover's
   * own, and a map of physical memory: what became of each page of the files. `mapLeftOut`: pages in runs that were too
   * many to be listed.
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
 * One attempt to update. `judged`: the next kernel came up, and what was carried was judged. `refused`: it was called
 * off, and the old kernel runs on. `ended`: a kernel, or the lab, ended before it could be judged.
 */
export interface AttemptOfResult {
  /** The kernel that was to hand over. */
  epoch: number;
  /** Counts from 1 in each kernel. */
  attempt: number;
  state: 'judged' | 'refused' | 'ended';
  /** What was to be handed over. */
  sessions: number;
  files: number;
  /** When it began, milliseconds of the run. */
  at: number;
  /** Why it was called off. */
  why: string | null;
}

/**
 * `tainted_mask` of the kernel that ran before the first preserve and of the one that ran last; null where it could not
 * be read.
 */
export interface TaintOfResult {
  before: number | null;
  after: number | null;
  /** What was set on the way and the scenario does not declare, by the names of model/result/taint.ts. */
  flags: string[];
}

export interface Result {
  /** Results of version 1, which knew no witnesses, are read too. */
  schema: 1 | typeof RESULT_SCHEMA;
  id: string;
  scenario: { name: string; description: string; tags: string[]; file: string };
  from: KernelOfResult;
  to: KernelOfResult;
  /** All kernels in the order of the run; `from` and `to` are the first and the last. */
  kernels: KernelOfResult[];
  policy: Policy;
  outcome: Outcome;
  endsIn: EndsIn;
  /** The evidence that decided; null for `preserved`. */
  cause: Incident | null;
  expected: Outcome;
  expectedEndsIn: EndsIn | null;
  asExpected: boolean;
  predicted: PredictionOfResult | null;
  mismatches: Mismatch[];
  /** Every attempt to update, in order. */
  attempts: AttemptOfResult[];
  resources: ResourceOfResult[];
  /** Devices that were passed through, one entry a device and update. */
  devices: DeviceOfResult[];
  /** Null where the machine has none. */
  iommu: IommuOfResult | null;
  guests: GuestOfResult[];
  /** How long guests stood still, one entry an update. */
  downtime: DowntimeOfResult[];
  /** Of upstream's own tests; empty where the scenario runs none. */
  cases: CaseOfResult[];
  /** What the host is left with; null where it can go on as before. */
  impaired: ImpairedOfResult | null;
  /** Null where none was asked for, or there was nothing to recover from. */
  recovery: RecoveryOfResult | null;
  incidents: Incident[];
  /** Who could see what, one entry a witness that was needed or looked. */
  witnesses: Partial<Record<Witness, WitnessOfResult>>;
  /** Null where it was never read. */
  taint: TaintOfResult | null;
  memory: MemoryOfResult;
  /** What happened when, in milliseconds since the run began. */
  timeline: { t: number; epoch: number; what: string }[];
  qemu: { version: string; accel: string; commandLine: string };
  /** Milliseconds. */
  durations: Record<string, number>;
  /** What the lab's own process has used so far: CPU in milliseconds, the peak of its memory in KiB. */
  lab: { cpuMs: number; peakRssKiB: number };
  versions: { lab: string; node: string };
  startedAt: string;
}
