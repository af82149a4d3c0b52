// SPDX-License-Identifier: Apache-2.0
// Guests: virtual machines inside the machine that should survive its updates. A guest's RAM is one memfd, all other
// state is another.

export const GUEST_KINDS = ['bare', 'linux'] as const;
/**
 * `bare`: the lab's own program, which links its pages into a hash chain. `linux`: one of the lab's kernels with a user
 * space that checks itself (docs/guest-payload.md).
 */
export type GuestKind = (typeof GUEST_KINDS)[number];

/** Optional features of a guest. Not every version of the state format can carry them. */
export const GUEST_FEATURES = ['debugregs'] as const;
export type GuestFeature = (typeof GUEST_FEATURES)[number];

/** Parts of a guest's state. A scenario can skip some on restore, to imitate a faulty VMM. */
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

/** Versions of the state format that the agent knows, newest first. */
export const STATE_VERSIONS = [3, 2, 1] as const;

export interface GuestSpec {
  name: string;
  kind: GuestKind;
  vcpus: number;
  /** RAM in bytes. */
  size: number;
  seed: number;
  features: GuestFeature[];
  /** Devices of the scenario that it uses, at most MAX_DEVICES. No two guests share one. */
  devices: string[];
}

/** Limits: devices of a guest, and RAM of a guest with a device, because edu has 28 address bits. */
export const MAX_DEVICES = 4;
export const MAX_RAM_WITH_DEVICE = 2 ** 28;

/** Ticks that show that a guest runs. With a device there are more: a transfer takes about 25 ticks. */
export function ticksToShow({ devices }: Pick<GuestSpec, 'devices'>): number {
  return devices.length > 0 ? 60 : 3;
}

/** A memfd of a guest. The state's `size` is 0 until the agent has created it. */
export interface GuestFileSpec {
  kind: 'guest-ram' | 'guest-state';
  guest: GuestSpec;
  file: string;
  size: number;
  seed: number;
  holes: never[];
}

/** The names of a guest's two memfds. */
export function guestFiles(guest: string): { ram: string; state: string } {
  return { ram: `${guest}.ram`, state: `${guest}.state` };
}

export type GuestAction =
  | { op: 'guest-create'; guest: string; spec: GuestSpec }
  | { op: 'guest-run'; guest: string }
  /** Waits until it has done this many more ticks. */
  | { op: 'guest-wait'; guest: string; ticks: number }
  | { op: 'guest-pause'; guest: string }
  /** `version`: of the state format; null for the newest one that the agent knows. */
  | { op: 'guest-save'; guest: string; version: number | null }
  /** `reads`: the versions that the agent should accept; null for all. */
  | { op: 'guest-restore'; guest: string; ram: string; state: string; skip: StatePart[]; reads: number[] | null }
  /**
   * Adds an open device, with the guest's memory mapped for it, to the guest. `reset`: put it into its initial state;
   * null means only if this kernel opened it.
   */
  | { op: 'guest-attach'; guest: string; device: string; reset: boolean | null }
  | { op: 'guest-resume'; guest: string }
  /** Checks that it makes progress, then inspects it from inside and from outside. */
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

export function hasGuests(steps: readonly { op: string }[]): boolean {
  return steps.some(({ op }) => op === 'guest-create');
}
