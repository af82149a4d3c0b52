// SPDX-License-Identifier: Apache-2.0
// What the lab knows about a run: files, sessions, guests, devices, and how each step ended. This is data only; nothing
// here talks to the machine.
import { Holders } from '../../model/scenario/client.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { Token } from '../../model/scenario/token.js';
import type { CaseOfResult } from '../../model/scenario/selftest.js';
import type { Owner } from '../../oracles/checkers/page-owner.js';
import type { FollowState } from '../judge/handed-over/state.js';
import { Descriptors } from './descriptors.js';
import type { DeviceState } from './device.js';
import type { ExpectedFile, FileState } from './file.js';
import type { GuestState } from './guest.js';
import type { ExpectedSession, SessionState } from './session.js';
import type { StepResult } from './step-result.js';

/** Pages that the running kernel has preserved for the next one, or why its map cannot be seen. */
export type PreservedPages = { pages: number } | { hidden: string };

/** Where the handover of the last kexec starts, recorded when the old kernel jumped. Physical addresses. */
export interface HandoverRoot {
  root: number;
  /** Pointers from LUO's own page; null unless the next kernel frees that page. */
  luo: { sessions: bigint; flbs: bigint } | null;
}

export class RunState {
  /** Files, by their current name in the scenario. */
  readonly files = new Map<string, FileState>();
  /** Files that the scenario has closed and a session still preserves. */
  readonly #unnamed = new Set<FileState>();
  readonly sessions = new Map<string, SessionState>();
  readonly holders = new Holders();
  readonly descriptors = new Descriptors();
  /** Files that must come back after the last kexec, by session and token. */
  expected = new Map<string, ExpectedFile>();
  /** Sessions that must come back after the last kexec, by name; empty sessions too. */
  expectedSessions = new Map<string, ExpectedSession>();
  /** Files whose `preserve` raced the kexec and got no answer: if one comes back, it was handed over. */
  readonly perhaps = new Map<string, ExpectedFile>();
  /** Memory reserved by name, checked after every update. */
  readonly reserved: ExpectedFile[] = [];
  /** Names of the reserved memory that a kernel has lost, moved or damaged. */
  readonly reservedGone = new Set<string>();
  /** Names of files that a fault of the scenario has changed on purpose. */
  readonly touched = new Set<string>();
  /** Devices of the scenario, by name. */
  readonly devices = new Map<string, DeviceState>();
  /** Guests of the scenario, by name, from the step that creates them on. */
  readonly guests = new Map<string, GuestState>();
  /** `policy: check`: the preflight of the running kernel found nothing against the update. */
  asked = false;
  /** A step has loaded the next kernel. */
  loaded = false;
  /** Total time that the lab has paused the machine, in milliseconds. */
  pausedMs = 0;
  /** The smallest offset seen between the agent's clock and the machine's time, in milliseconds. */
  agentClock: { epoch: number; offset: number } | null = null;
  readonly results: StepResult[] = [];
  /** Test cases of the kernel's own selftests. */
  readonly cases: CaseOfResult[] = [];
  /** Pages that the running kernel had preserved for the next one before the first step. */
  preservedAtStart: PreservedPages = { hidden: 'nobody looked' };
  /** Why an update was called off: what the running kernel would write and the next one cannot read. */
  readonly objected: Mismatch[] = [];
  /** Mismatches of devices and the IOMMU that the run showed, one entry a component. */
  readonly hardware: Mismatch[] = [];
  /** The pages that the last kexec handed over. */
  followed: FollowState = null;
  /** Who had allocated pages that the last kexec handed over, by page frame, where the old kernel says so. */
  readonly owners = new Map<number, Owner>();
  /** Null if nothing needs it. */
  handover: HandoverRoot | null = null;
  /** Page frame of the FLB header that the last kernel handed over; null if its structures did not lead there. */
  flbHeader: number | null = null;
  /** Physical address of the root tree that the running kernel will hand over, once it was found. */
  outgoingRoot: number | null = null;

  static key(session: string, token: Token): string {
    return `${session}\0${token}`;
  }

  /** Files that a session of the running kernel preserves for the next one. */
  preservedFiles(): FileState[] {
    return [...new Set([...this.files.values(), ...this.#unnamed])].filter(({ preservedIn }) => preservedIn.length > 0);
  }

  /** The scenario has closed the file under this name; it may have other names. */
  closeFile(name: string): void {
    const file = this.files.get(name);
    this.files.delete(name);
    if (file === undefined) return;
    const other = [...this.files].find(([, each]) => each === file)?.[0];
    if (other !== undefined) file.name = other;
    else if (file.preservedIn.length > 0) this.#unnamed.add(file);
  }

  /** A kernel that closes a session of its own no longer preserves the session's files. */
  closeSession(name: string): void {
    if (this.sessions.get(name)?.kind === 'outgoing') {
      for (const file of this.preservedFiles())
        file.preservedIn = file.preservedIn.filter(({ session }) => session !== name);
      for (const file of this.#unnamed) if (file.preservedIn.length === 0) this.#unnamed.delete(file);
      this.descriptors.closedSession(name);
    }
    this.sessions.delete(name);
  }

  /** What the running kernel would hand over now; a file appears once for each session that preserves it. */
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
   * The next kernel runs now: what was preserved must come back; sessions and handles of the old kernel are gone.
   */
  jumped(): void {
    this.expected = new Map(this.leaving().map((file) => [RunState.key(file.session ?? '', file.token ?? 0), file]));
    this.expectedSessions = new Map(
      [...this.sessions.values()]
        .filter(({ kind }) => kind === 'outgoing')
        .map(({ name }) => [name, { name, retrieved: false, failed: new Map() }]),
    );
    this.descriptors.jumped(new Set(this.expectedSessions.keys()));
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
