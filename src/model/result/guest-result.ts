// SPDX-License-Identifier: Apache-2.0
// What result.json says of guests: what became of each, and how long it stood still.
import type { GuestKind } from '../scenario/guest.js';
import type { Recovery } from '../scenario/scenario.js';

/**
 * `lost`: it is not there any more, or began anew; `corrupt`: it runs, or could, with something that is not its own;
 * `stuck`: it does not go on.
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

/**
 * What a guest counted of a device that it has, over all its life: transfers through its own memory, and what it met.
 */
export interface DeviceCounts {
  done: number;
  /** Another content came back than went in. */
  wrong: number;
  unended: number;
  /** Given up because the device had been reset. */
  cut: number;
  resets: number;
  /** Ticks at which the device did not answer. */
  gone: number;
}

export interface DeviceOfGuest {
  device: string;
  /**
   * `kept`: LUO carried its descriptor; `recreated`: opened anew and reset; `lost`: the guest does not have it any
   * more. Null where nothing came to that.
   */
  carried: 'kept' | 'recreated' | 'lost' | null;
  /** When the guest was paused, and once it had gone on. */
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
  /** Session that carried its RAM; null where none did. */
  session: string | null;
  /** The epoch that it was to come back in. */
  epoch: number;
  state: GuestFate;
  /** The first page of its RAM that is not what it should be. */
  firstBad: { page: number; what: string } | null;
  /** By its own count, when it was paused and when it was last seen. */
  ticks: { before: number | null; after: number | null };
  /** Right before the kexec, right after it, and once it had gone on. Null: it has none, or nobody could look. */
  chain: { before: ChainOfResult | null; arrival: ChainOfResult | null; after: ChainOfResult | null };
  /** Its own clock over the update, against the machine's, milliseconds; null where it tells no time. */
  clock: { advanced: number; expected: number; jump: number } | null;
  bootId: { before: string; after: string } | null;
  /**
   * Milliseconds from the pause of its first vCPU to its resume, by the machine's TSC; and the longest time between two
   * of its own ticks.
   */
  downtime: number | null;
  downtimeInside: number | null;
  devices: DeviceOfGuest[];
  /** Least version of the state's form that can carry it. */
  needs: number | null;
  /** Of its two files, pages that are neither restored nor given back, and pages that the allocator has. */
  pagesLeaked: number;
  pagesLost: number;
  problems: string[];
}

/** What a host is left with where something that was handed over is neither restored nor given back. */
export interface ImpairedOfResult {
  /** Pages that nobody can use. */
  pagesLeaked: number;
  /** Guests that did not survive. */
  guests: string[];
}

/** What was tried with a host that an update left impaired, and what it gave back. */
export interface RecoveryOfResult {
  how: Recovery;
  /** Milliseconds until user space was there again and had been asked. */
  ms: number;
  /** Leaked pages that are marked as handed over, before and after; null where that could not be seen. */
  pagesLeaked: { before: number; after: number | null };
  /** Of the physical pages that were leaked, how many are no longer set aside. */
  pagesGivenBack: number;
  /** Pages that the kernel manages: the first kernel once it had booted, the impaired one, and the one after. */
  managed: { first: number | null; before: number | null; after: number | null };
  guestsSurvived: string[];
  guestsLost: string[];
  problems: string[];
  /**
   * Why the lab or its host could not go through with it: what it would have given back is not known. Null where they
   * could.
   */
  notKnown: string | null;
}

/** In the order in which they follow each other. */
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
 * From the pause of the first vCPU to the resume of the last, over one update. Milliseconds of the machine's time:
 * while the lab looks at it, it stands still.
 */
export interface DowntimeOfResult {
  /** The epoch that the update led into. */
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
  /** What the lab needed meanwhile to look at the machine while it stood still; no part of the downtime. */
  looks: number;
}
