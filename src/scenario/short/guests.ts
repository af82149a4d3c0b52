// SPDX-License-Identifier: Apache-2.0
// The short form: adds the steps of guests around those of files. To keep the downtime short, guests are paused last
// before the kexec and resumed first after it, and each kind of call is made for all guests before the next kind.
import { guestFiles, ticksToShow } from '../../model/scenario/guest.js';
import type { GuestInput } from '../schema/guests.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { StepList } from '../steps/step-list.js';
import type { PlannedGuest } from './plan-guests.js';

interface GuestsOfSession {
  name: string;
  guests: readonly PlannedGuest[];
}

/** Adds the steps of all guests. */
export class GuestExpansion {
  readonly #out: StepList;
  readonly #attach: (when: 'first' | 'again') => void;

  /** @param attach adds the steps that give paused guests their devices; `again` after an update */
  constructor(out: StepList, attach: (when: 'first' | 'again') => void) {
    this.#out = out;
    this.#attach = attach;
  }

  /** @param when `first`: creates and starts the guests before */
  preserve(when: 'first' | 'again', sessions: readonly GuestsOfSession[]): void {
    if (when === 'first') {
      this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-create', guest: spec.name, spec }, path));
      this.#attach('first');
      this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-run', guest: spec.name }, path));
      this.#each(sessions, ({ spec, path }) =>
        this.#out.add({ op: 'guest-wait', guest: spec.name, ticks: ticksToShow(spec) }, path),
      );
    }
    this.#preserve(sessions, 'running');
  }

  /** Adds the steps before the kexec. */
  beforeKexec(way: (typeof KEXEC_WAYS)[number], sessions: readonly GuestsOfSession[]): void {
    if (way === 'kill-agent') return;
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-pause', guest: spec.name }, path));
    this.#each(sessions, ({ spec, version, path }) =>
      this.#out.add({ op: 'guest-save', guest: spec.name, version }, path),
    );
    this.#preserve(sessions, 'paused');
  }

  /** For an update that was called off. */
  resume(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-resume', guest: spec.name }, path));
  }

  retrieve(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, token, stateToken, path }, session) => {
      const { ram, state } = guestFiles(spec.name);
      this.#out.add({ op: 'retrieve', session, token, file: ram }, path);
      this.#out.add({ op: 'retrieve', session, token: stateToken, file: state }, path);
    });
    this.#each(sessions, ({ spec, reads, path }) =>
      this.#out.add({ op: 'guest-restore', guest: spec.name, ...guestFiles(spec.name), skip: [], reads }, path),
    );
    this.#attach('again');
    this.resume(sessions);
  }

  check(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-check', guest: spec.name }, path));
  }

  #preserve(sessions: readonly GuestsOfSession[], time: GuestInput['preserve']): void {
    this.#each(sessions, ({ spec, token, stateToken, preserve, path }, session) => {
      if (preserve !== time) return;
      const { ram, state } = guestFiles(spec.name);
      this.#out.add({ op: 'preserve', session, file: ram, token }, path);
      this.#out.add({ op: 'preserve', session, file: state, token: stateToken }, path);
    });
  }

  #each(sessions: readonly GuestsOfSession[], write: (guest: PlannedGuest, session: string) => void): void {
    for (const { name, guests } of sessions) for (const guest of guests) write(guest, name);
  }
}
