// SPDX-License-Identifier: Apache-2.0
// The short form: turns sessions with files into the steps of every epoch.
import type { DevicePlan } from '../../model/scenario/device.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { SessionInput } from '../schema/sessions.js';
import type { Path } from '../source/document.js';
import type { Problems } from '../source/problems.js';
import type { StepList } from '../steps/step-list.js';
import { DeviceExpansion } from './devices.js';
import { GuestExpansion } from './guests.js';
import { giveToGuests, planDevices } from './plan-devices.js';
import { type PlannedSession, planSessions } from './plan-sessions.js';

class Expansion {
  readonly #out: StepList;
  readonly #devices: DeviceExpansion;
  readonly #guests: GuestExpansion;
  #carried: PlannedSession[];

  constructor(out: StepList, sessions: PlannedSession[], devices: DeviceExpansion) {
    this.#out = out;
    this.#devices = devices;
    this.#guests = new GuestExpansion(out, (when) => devices.attach(when === 'again' ? this.#carried : null));
    this.#carried = sessions;
  }

  /** Preserves everything. `first`: creates it before. */
  preserve(when: 'first' | 'again'): void {
    for (const session of this.#carried) {
      this.#out.add({ op: 'create', session: session.name }, session.path);
      for (const { spec, token, path } of session.files) {
        if (when === 'first')
          this.#out.add(spec.kind === 'memfd' ? { op: 'memfd', memfd: spec } : { op: 'object', object: spec }, path);
        this.#out.add({ op: 'preserve', session: session.name, file: spec.file, token }, path);
      }
    }
    this.#guests.preserve(when, this.#carried);
    this.#devices.preserve(when);
  }

  update(way: (typeof KEXEC_WAYS)[number], path: Path): void {
    this.#out.add({ op: 'load', via: way === 'legacy' ? 'legacy' : 'file' }, path);
    if (way === 'kill-agent') this.#out.add({ op: 'kill-agent' }, path);
    this.#guests.beforeKexec(way, this.#carried);
    this.#devices.beforeKexec(way);
    this.#out.add({ op: way === 'abort' ? 'abort' : 'kexec' }, path);
  }

  /** After an abort, the old kernel still has everything. */
  checkAndClose(): void {
    this.#guests.resume(this.#carried);
    this.#check();
    this.#guests.check(this.#carried);
    this.#devices.check();
    this.closeDevices();
    for (const session of this.#carried)
      this.#out.add({ op: 'close', target: { kind: 'session', name: session.name } }, session.path);
  }

  closeDevices(): void {
    this.#devices.close();
  }

  #check(): void {
    for (const { files } of this.#carried) {
      for (const { spec, path } of files) this.#out.add({ op: 'check', file: spec.file }, path);
    }
  }

  /**
   * First retrieves everything, then checks everything, then finishes everything, so that calls of one kind need not
   * wait for others. A session that is not retrieved or not finished goes no further in a chain.
   */
  retrieve(): void {
    this.#carried = this.#carried.filter((session) => session.retrieve);
    for (const session of this.#carried) {
      this.#out.add({ op: 'retrieve-session', session: session.name }, session.path);
      for (const { spec, token, path } of session.files) {
        this.#out.add({ op: 'retrieve', session: session.name, token, file: spec.file }, path);
      }
    }
    this.#guests.retrieve(this.#carried);
    this.#devices.retrieve(this.#carried);
    this.#check();
    this.#guests.check(this.#carried);
    this.#devices.checkGuestDevices();
    this.#carried = this.#carried.filter((session) => session.finish);
    for (const session of this.#carried) {
      this.#out.add({ op: 'finish', session: session.name }, session.path);
      this.#out.add({ op: 'close', target: { kind: 'session', name: session.name } }, session.path);
    }
  }
}

/**
 * Adds the steps of all updates.
 * @param way how the last update ends
 */
export function expandSessions(
  inputs: readonly SessionInput[],
  hardware: DevicePlan,
  kernels: number,
  way: (typeof KEXEC_WAYS)[number],
  wayPath: Path,
  out: StepList,
  problems: Problems,
): void {
  const planned = planSessions(inputs, problems);
  giveToGuests(
    hardware,
    planned.flatMap(({ guests }) => guests.map(({ spec }) => spec)),
    problems,
  );
  planDevices(hardware, planned, problems);
  const expansion = new Expansion(out, planned, new DeviceExpansion(hardware, out));
  if (!problems.empty) return;
  expansion.preserve('first');
  for (let update = 1; update < kernels; update++) {
    const last = update === kernels - 1;
    expansion.update(last ? way : 'file', wayPath);
    if (last && way === 'abort') {
      expansion.checkAndClose();
      return;
    }
    expansion.retrieve();
    if (last) expansion.closeDevices();
    else expansion.preserve('again');
  }
}
