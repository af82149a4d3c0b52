// SPDX-License-Identifier: Apache-2.0
// Virtual machines inside the machine that are to live through its updates: their RAM is one memfd, all the rest of
// their state another.

export const GUEST_KINDS = ['bare', 'linux'] as const;
/**
 * `bare`: the lab's own program, which chains its pages together; `linux`: a kernel of the lab with a user space that
 * checks itself (docs/guest-payload.md).
 */
export type GuestKind = (typeof GUEST_KINDS)[number];

/** What a guest may use that not every version of the state carries. */
export const GUEST_FEATURES = ['debugregs'] as const;
export type GuestFeature = (typeof GUEST_FEATURES)[number];

/** Parts of a guest's state that a wrong VMM may leave out when it restores one. */
export const STATE_PARTS = [
  'cpuid',
  'regs',
  'sregs',
  'xsave',
  'xcrs',
  'msrs',
  'lapic',
  'events',
  'mp',
  'tsc',
  'debugregs',
  'clock',
  'irqchip',
  'pit',
  'uart',
] as const;
export type StatePart = (typeof STATE_PARTS)[number];

/** Versions of the state memfd's form that the agent knows, newest first. */
export const STATE_VERSIONS = [3, 2, 1] as const;

export interface GuestSpec {
  name: string;
  kind: GuestKind;
  vcpus: number;
  /** RAM in bytes. */
  size: number;
  seed: number;
  features: GuestFeature[];
  /** Devices of the scenario that it has, at most MOST_DEVICES, each its own alone. */
  devices: string[];
}

/** Devices of one guest, and bytes of RAM that a guest with one may have: edu has 28 bits for an address. */
export const MOST_DEVICES = 4;
export const MOST_RAM_WITH_DEVICE = 2 ** 28;

/**
 * Ticks by which a guest must have gone on; with a device, so many that transfers of it are among them: each takes some
 * 25.
 */
export function ticksToShow({ devices }: Pick<GuestSpec, 'devices'>): number {
  return devices.length > 0 ? 60 : 3;
}

/** A memfd of a guest; `size` of the state's is 0 until the agent has made it. */
export interface GuestFileSpec {
  kind: 'guest-ram' | 'guest-state';
  guest: GuestSpec;
  file: string;
  size: number;
  seed: number;
  holes: never[];
}

/** Names of a guest's two memfds. */
export function guestFiles(guest: string): { ram: string; state: string } {
  return { ram: `${guest}.ram`, state: `${guest}.state` };
}

export type GuestAction =
  | { op: 'guest-create'; guest: string; spec: GuestSpec }
  | { op: 'guest-run'; guest: string }
  /** Until it has done so many ticks more. */
  | { op: 'guest-wait'; guest: string; ticks: number }
  | { op: 'guest-pause'; guest: string }
  /** `version`: of the state's form; null: the newest that the agent knows. */
  | { op: 'guest-save'; guest: string; version: number | null }
  /** `reads`: versions that the agent is to know; null: all. */
  | { op: 'guest-restore'; guest: string; ram: string; state: string; skip: StatePart[]; reads: number[] | null }
  /**
   * The device, open and with the guest's memory mapped for it, becomes part of the guest. `reset`: it is put into its
   * first state; null: if this kernel opened it anew.
   */
  | { op: 'guest-attach'; guest: string; device: string; reset: boolean | null }
  | { op: 'guest-resume'; guest: string }
  /** It must go on; then it is looked at from inside and from outside. */
  | { op: 'guest-check'; guest: string }
  | { op: 'guest-close'; guest: string };

export const GUEST_OPS = [
  'guest-create',
  'guest-run',
  'guest-wait',
  'guest-pause',
  'guest-save',
  'guest-restore',
  'guest-attach',
  'guest-resume',
  'guest-check',
  'guest-close',
] as const satisfies readonly GuestAction['op'][];

export function isGuestAction<T extends { op: string }>(action: T): action is Extract<T, GuestAction> {
  return (GUEST_OPS as readonly string[]).includes(action.op);
}

export function isGuestFile<T extends { kind: string }>(spec: T): spec is Extract<T, GuestFileSpec> {
  return spec.kind === 'guest-ram' || spec.kind === 'guest-state';
}
