// SPDX-License-Identifier: Apache-2.0
// Follows the steps on guests: does the guest exist, and are its files open?
import type { DevicePlan } from '../../model/scenario/device.js';
import type { GuestAction, GuestFileSpec, GuestSpec } from '../../model/scenario/guest.js';
import type { FileSpec } from '../../model/scenario/scenario.js';
import { nearest } from '../../util/text/nearest.js';
import type { Path } from '../source/document.js';
import { checkGuest, filesOfGuest } from './guests.js';
import { listed, shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { type Draft, succeeds } from '../steps/step-list.js';

/** The state of devices that guests need. */
interface Devices {
  plan: DevicePlan;
  /** Whether the steps have opened it. */
  isOpen: (device: string) => boolean;
}

export class GuestFollower {
  readonly #devices: Devices;
  /** Guests, by device. */
  readonly #owners = new Map<string, string>();
  readonly #problems: Problems;
  /** Every guest that was ever created. */
  readonly #made = new Map<string, GuestSpec>();
  /** The files of all guests. */
  readonly #files = new Set<string>();
  /** The guests that exist now. */
  #existing = new Set<string>();

  constructor(devices: Devices, problems: Problems) {
    this.#devices = devices;
    this.#problems = problems;
  }

  /** The agent is gone, and so are all guests. */
  loseAgent(): void {
    this.#existing = new Set();
  }

  /** @returns files that exist from now on */
  follow(step: GuestAction, draft: Draft, files: ReadonlyMap<string, FileSpec>): GuestFileSpec[] {
    const { path } = draft;
    if (step.op === 'guest-create') return this.#create(step.spec, draft);
    if (!this.#made.has(step.guest)) {
      this.#unknown('guest', 'is created in this scenario', step.guest, this.#made.keys(), path);
      return [];
    }
    if (!succeeds(draft.step)) return [];
    if (step.op === 'guest-restore') {
      if (this.#existing.has(step.guest))
        this.#problems.add(path, `guest ${shown(step.guest)} exists already`, 'write - guest-close before');
      // The run shows whether a file came back. Here it must only have existed.
      for (const key of ['ram', 'state'] as const)
        if (!files.has(step[key]) && !this.#files.has(step[key]))
          this.#unknown('file', 'is open here', step[key], files.keys(), path);
      this.#existing.add(step.guest);
    } else if (!this.#existing.has(step.guest)) {
      this.#unknown('guest', 'exists in this epoch', step.guest, this.#existing, path);
    }
    if (step.op === 'guest-attach' && path[0] === 'steps') this.#attach(step, path);
    if (step.op === 'guest-close') this.#existing.delete(step.guest);
    return [];
  }

  #create(spec: GuestSpec, { step, path }: Draft): GuestFileSpec[] {
    checkGuest(spec, this.#devices.plan, path, this.#problems);
    for (const [at, device] of spec.devices.entries()) {
      const owner = this.#owners.get(device) ?? spec.name;
      if (owner !== spec.name)
        this.#problems.add(
          [...path, 'devices', at],
          `expected a device that no other guest uses; ${shown(device)} belongs to guest ${shown(owner)}`,
        );
      this.#owners.set(device, owner);
    }
    if (this.#existing.has(spec.name))
      this.#problems.add(path, `expected a unique name; there is a guest ${shown(spec.name)} already`);
    this.#made.set(spec.name, spec);
    if (!succeeds(step)) return [];
    this.#existing.add(spec.name);
    const { ram, state } = filesOfGuest(spec);
    this.#files.add(ram.file).add(state.file);
    return [ram, state];
  }

  #attach({ guest, device }: { guest: string; device: string }, path: Path): void {
    const own = this.#made.get(guest)?.devices ?? [];
    if (!own.includes(device))
      this.#problems.add(
        [...path, 'device'],
        `guest ${shown(guest)} was created without device ${shown(device)}`,
        own.length > 0 ? `it has ${listed(own, 8)}` : `write devices: [${device}] in its guest-create`,
      );
    else if (!this.#devices.isOpen(device))
      this.#problems.add(path, `device ${shown(device)} is not open here`, 'write - device-open before');
  }

  #unknown(what: string, condition: string, name: string, known: Iterable<string>, path: Path): void {
    const names = [...known];
    const near = nearest(name, names);
    this.#problems.add(
      path,
      `no ${what} ${shown(name)} ${condition}`,
      near !== null ? `did you mean "${near}"?` : names.length > 0 ? `there is ${listed(names, 8)}` : 'there is none',
    );
  }
}
