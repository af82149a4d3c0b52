// SPDX-License-Identifier: Apache-2.0
// Guests in result.json: their fates and their downtime.
import type { GuestKind } from '../scenario/guest.js';
import type { Recovery } from '../scenario/scenario.js';

/**
 * `lost`: it is gone, or it restarted. `corrupt`: it runs, or could run, with wrong state. `stuck`: it makes no
 * progress.
 */
export const GUEST_FATES = ['survived', 'lost', 'corrupt', 'stuck', 'unjudged'] as const;
export type GuestFate = (typeof GUEST_FATES)[number];

/** The bare guest's chain, recomputed from outside. */
export interface ChainOfResult {
  pages: number;
  bad: number;
  ticks: number;
  links: number;
}

/** A guest's counters for one of its devices since it started: transfers through its own memory, and problems. */
export interface DeviceCounts {
  done: number;
  /** Transfers with a wrong result. */
  wrong: number;
  unended: number;
  /** Abandoned because of a reset of the device. */
  cut: number;
  resets: number;
  /** Ticks without an answer from the device. */
  gone: number;
}

export interface DeviceOfGuest {
  device: string;
  /**
   * `kept`: LUO carried its descriptor. `recreated`: opened again and reset. `lost`: the guest no longer has it. Null
   * if the run did not get this far.
   */
  carried: 'kept' | 'recreated' | 'lost' | null;
  /** When the guest was paused, and after it resumed. */
  before: DeviceCounts | null;
  after: DeviceCounts | null;
}

/** One guest over one update. */
export interface GuestOfResult {
  name: string;
  kind: GuestKind;
  vcpus: number;
  /** Bytes of RAM. */
  size: number;
  /** Session with its RAM, if any. */
  session: string | null;
  /** The epoch in which it should come back. */
  epoch: number;
  state: GuestFate;
  /** The first wrong page of its RAM. */
  firstBad: { page: number; what: string } | null;
  /** Its own counter when it was paused, and when it was last seen. */
  ticks: { before: number | null; after: number | null };
  /** Right before the kexec, right after it, and after the resume. Null if it has no chain or it could not be read. */
  chain: { before: ChainOfResult | null; arrival: ChainOfResult | null; after: ChainOfResult | null };
  /** Its own clock against the machine's over the update, in milliseconds; null for a guest without a clock. */
  clock: { advanced: number; expected: number; jump: number } | null;
  bootId: { before: string; after: string } | null;
  /** Milliseconds from the pause of its first vCPU to its resume, by the machine's TSC. */
  downtime: number | null;
  /** The longest time between two of its own ticks. */
  downtimeInside: number | null;
  devices: DeviceOfGuest[];
  /** The lowest version of the state format that can carry it. */
  needs: number | null;
  /** Pages of its two files that are neither restored nor freed (leaked), or that the allocator has (lost). */
  pagesLeaked: number;
  pagesLost: number;
  problems: string[];
}

/** The damage on a host on which something that was handed over is neither restored nor freed. */
export interface ImpairedOfResult {
  /** Unusable pages. */
  pagesLeaked: number;
  /** Guests that did not survive. */
  guests: string[];
}

/** The recovery of a host that an update left impaired. */
export interface RecoveryOfResult {
  how: Recovery;
  /** Milliseconds until user space was up again and had answered. */
  ms: number;
  /** Leaked pages that are marked as handed over, before and after; null if unknown. */
  pagesLeaked: { before: number; after: number | null };
  /** Physical pages that were leaked and are no longer reserved. */
  pagesGivenBack: number;
  /** Pages that the kernel manages: in the first kernel after its boot, in the impaired one, after the recovery. */
  managed: { first: number | null; before: number | null; after: number | null };
  guestsSurvived: string[];
  guestsLost: string[];
  problems: string[];
  /** Why the lab or its host could not complete the recovery, so that its effect is unknown. Null if it could. */
  notKnown: string | null;
}

/** In chronological order. */
export const DOWNTIME_PHASES = [
  'pause',
  'save',
  'preserve',
  'lab',
  'freeze',
  'jump',
  'boot',
  'agent',
  'retrieve',
  'restore',
  'devices',
  'resume',
] as const;
export type DowntimePhase = (typeof DOWNTIME_PHASES)[number];

/**
 * The downtime of one update, from the pause of the first vCPU to the resume of the last. In milliseconds of the
 * machine's time, which stops while the lab inspects the machine.
 */
export interface DowntimeOfResult {
  /** The epoch after the update. */
  epoch: number;
  ms: number;
  phases: { phase: DowntimePhase; ms: number }[];
  guests: number;
  /** RAM of all guests in MiB. */
  mib: number;
  perGuest: number;
  perMib: number;
  /** By the machine's TSC. */
  longest: { guest: string; ms: number } | null;
  /** Time of the lab's inspections meanwhile, with the machine paused. Not part of the downtime. */
  looks: number;
}
