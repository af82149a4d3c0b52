// SPDX-License-Identifier: Apache-2.0
// Follows the steps on guests: is there such a guest, and are its files here?
import type { DevicePlan } from '../../model/scenario/device.js';
import type { GuestAction, GuestFileSpec, GuestSpec } from '../../model/scenario/guest.js';
import type { FileSpec } from '../../model/scenario/scenario.js';
import { nearest } from '../../util/text/nearest.js';
import type { Path } from '../document.js';
import { checkGuest, filesOfGuest } from './guests.js';
import { listed, shown } from '../problem.js';
import type { Problems } from '../problems.js';

/** What the follower of all steps knows of devices. */
interface Devices {
  plan: DevicePlan;
  /** Open, as far as the steps tell. */
  isOpen: (device: string) => boolean;
}

export class GuestFollower {
  readonly #devices: Devices;
  /** Guests by the devices that they have. */
  readonly #owners = new Map<string, string>();
  readonly #problems: Problems;
  /** Every guest that was ever made. */
  readonly #made = new Map<string, GuestSpec>();
  /** Files of all of them. */
  readonly #files = new Set<string>();
  /** Those that the agent has now. */
  #here = new Set<string>();

  constructor(devices: Devices, problems: Problems) {
    this.#devices = devices;
    this.#problems = problems;
  }

  /** The agent is gone, and with it every guest. */
  loseAgent(): void {
    this.#here = new Set();
  }

  /**
   * @param checked the scenario counts on the step to succeed
   * @returns files that are there from now on
   */
  follow(step: GuestAction, path: Path, checked: boolean, files: ReadonlyMap<string, FileSpec>): GuestFileSpec[] {
    if (step.op === 'guest-create') return this.#create(step.spec, path, checked);
    if (!this.#made.has(step.guest)) {
      this.#unknown('guest', 'is created in this scenario', step.guest, this.#made.keys(), path);
      return [];
    }
    if (!checked) return [];
    if (step.op === 'guest-restore') {
      if (this.#here.has(step.guest))
        this.#problems.add(path, `guest ${shown(step.guest)} exists already`, 'write - guest-close before');
      // Whether it came back is what the scenario asks; that it was ever there is not.
      for (const key of ['ram', 'state'] as const)
        if (!files.has(step[key]) && !this.#files.has(step[key]))
          this.#unknown('file', 'is open here', step[key], files.keys(), path);
      this.#here.add(step.guest);
    } else if (!this.#here.has(step.guest)) {
      this.#unknown('guest', 'exists in this epoch', step.guest, this.#here, path);
    }
    if (step.op === 'guest-attach' && path[0] === 'steps') this.#attach(step, path);
    if (step.op === 'guest-close') this.#here.delete(step.guest);
    return [];
  }

  #create(spec: GuestSpec, path: Path, checked: boolean): GuestFileSpec[] {
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
    if (this.#here.has(spec.name))
      this.#problems.add(path, `expected a unique name; there is a guest ${shown(spec.name)} already`);
    this.#made.set(spec.name, spec);
    if (!checked) return [];
    this.#here.add(spec.name);
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
