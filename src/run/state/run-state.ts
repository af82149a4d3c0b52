// SPDX-License-Identifier: Apache-2.0
// What the lab knows of a run: files, sessions, guests, devices, and how each step ended. Nothing here talks to the
// machine.
import { Holders } from '../../model/scenario/client.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { Token } from '../../model/scenario/token.js';
import type { CaseOfResult } from '../../model/scenario/selftest.js';
import type { DeviceState } from './device.js';
import type { ExpectedFile, FileState } from './file.js';
import type { GuestState } from './guest.js';
import type { ExpectedSession, SessionState } from './session.js';
import type { StepResult } from './step-result.js';

/** Pages that the running kernel has preserved for the next one, or why its map cannot be seen. */
export type PreservedPages = { pages: number } | { hidden: string };

/** Where the handover of the last kexec began, as it was when the old kernel jumped. Physical addresses. */
export interface HandoverRoot {
  root: number;
  /** What stood in LUO's own page, where the next kernel gives it back. */
  luo: { sessions: bigint; flbs: bigint } | null;
}

export class RunState {
  /** Files by the name that the scenario knows them by now. */
  readonly files = new Map<string, FileState>();
  /** Files that the scenario has closed and that a session still holds. */
  readonly #unnamed = new Set<FileState>();
  readonly sessions = new Map<string, SessionState>();
  readonly holders = new Holders();
  /** Files that the last kexec was to carry over, by session and token. */
  expected = new Map<string, ExpectedFile>();
  /** Sessions that the last kexec was to carry over, by name, empty ones too. */
  expectedSessions = new Map<string, ExpectedSession>();
  /** Files whose preserve met the kexec and was not answered: one that comes back was carried. */
  readonly perhaps = new Map<string, ExpectedFile>();
  /** Memory reserved by name, watched over every update. */
  readonly reserved: ExpectedFile[] = [];
  /** Of these, what a kernel has lost, moved or damaged. */
  readonly reservedGone = new Set<string>();
  /** Names of files that a fault of the scenario has changed on purpose. */
  readonly touched = new Set<string>();
  /** Devices of the scenario, by name. */
  readonly devices = new Map<string, DeviceState>();
  /** Guests of the scenario, by name, once they were to be made. */
  readonly guests = new Map<string, GuestState>();
  /** `policy: check`: the running kernel has been asked, and let the update go on. */
  asked = false;
  /** The next kernel was loaded by a step. */
  loaded = false;
  /** How long the lab has held the machine still in all, milliseconds. */
  pausedMs = 0;
  /** The smallest distance seen between the agent's clock and the machine's time, milliseconds. */
  agentClock: { epoch: number; offset: number } | null = null;
  readonly results: StepResult[] = [];
  /** Of upstream's own tests. */
  readonly cases: CaseOfResult[] = [];
  /** Pages that the running kernel had set aside for the next one before the first step. */
  preservedAtStart: PreservedPages = { hidden: 'nobody looked' };
  /**
   * For what an update was called off: what the running kernel would have written and the next one would not have read.
   */
  readonly objected: Mismatch[] = [];
  /** What the run showed of devices and the IOMMU, one entry a component. */
  readonly hardware: Mismatch[] = [];
  /** Null where nothing asked for it. */
  handover: HandoverRoot | null = null;
  /** Page frame of the FLB header that the last kernel handed over; null where its structures did not lead there. */
  flbHeader: number | null = null;
  /** Physical address of the root tree of the running kernel's own handover, once it was found. */
  outgoingRoot: number | null = null;

  static key(session: string, token: Token): string {
    return `${session}\0${token}`;
  }

  /** Files that a session of the running kernel holds for the next one. */
  preservedFiles(): FileState[] {
    return [...new Set([...this.files.values(), ...this.#unnamed])].filter(({ preservedIn }) => preservedIn.length > 0);
  }

  /** The scenario has closed a name of a file. */
  closeFile(name: string): void {
    const file = this.files.get(name);
    this.files.delete(name);
    if (file === undefined) return;
    const other = [...this.files].find(([, each]) => each === file)?.[0];
    if (other !== undefined) file.name = other;
    else if (file.preservedIn.length > 0) this.#unnamed.add(file);
  }

  /** A session that its own kernel closes lets go of its files: it does not carry them any more. */
  closeSession(name: string): void {
    if (this.sessions.get(name)?.kind === 'outgoing') {
      for (const file of this.preservedFiles())
        file.preservedIn = file.preservedIn.filter(({ session }) => session !== name);
      for (const file of this.#unnamed) if (file.preservedIn.length === 0) this.#unnamed.delete(file);
    }
    this.sessions.delete(name);
  }

  /** What the running kernel would hand over if it left now: a file once for each session that holds it. */
  leaving(): ExpectedFile[] {
    return this.preservedFiles().flatMap(
      ({ name, preservedIn, spec, pattern, runs, hidden, before, hugeKiB, reported }) =>
        preservedIn.map(({ session, token }) => ({
          name,
          session,
          token,
          spec,
          pattern,
          runs,
          hidden,
          before,
          hugeKiB,
          reported,
          retrieved: null,
          errno: null,
        })),
    );
  }

  /**
   * The kernel has changed: what was held is now what must come back; sessions and handles of the old kernel are gone.
   */
  jumped(): void {
    this.expected = new Map(this.leaving().map((file) => [RunState.key(file.session ?? '', file.token ?? 0), file]));
    this.expectedSessions = new Map(
      [...this.sessions.values()]
        .filter(({ kind }) => kind === 'outgoing')
        .map(({ name }) => [name, { name, retrieved: false, failed: new Map() }]),
    );
    this.files.clear();
    this.#unnamed.clear();
    this.sessions.clear();
    this.holders.clear();
    this.outgoingRoot = null;
    this.asked = false;
    for (const device of this.devices.values()) device.jumped();
    for (const guest of this.guests.values()) guest.jumped();
  }
}
