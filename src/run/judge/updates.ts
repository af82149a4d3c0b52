// SPDX-License-Identifier: Apache-2.0
// Judges each update once: after the last step of its kernel, before guests are paused for the next update, or when the
// machine has ended. The ledger knows which updates are not judged yet.
import { probeSessions } from '../agent/probe.js';
import { inspectDevices } from '../devices/inspect.js';
import { judgeIommu } from '../devices/iommu/judge.js';
import { judgeDevices } from '../devices/judge.js';
import { judgeKeptDevices } from '../devices/refusal.js';
import { followTransfers } from '../devices/transfers.js';
import type { Operation } from '../engine/operation.js';
import type { Parts } from '../engine/parts.js';
import { judgeGuests, judgeKeptGuests } from '../guests/judge.js';
import { pauseGuests, resumeAllGuests, resumeGuests } from '../guests/pause.js';
import { runSteps } from '../steps/run-steps.js';
import { judgeClientGone, judgeHeldByGone } from './client-gone.js';
import { judgeUpdate } from './files.js';
import { recordEnded, recordHeld } from './unjudged.js';
import type { Judgements } from './judgements.js';
import type { Arrival, UpdateEntry } from './ledger.js';
import { closeSessions } from './close-sessions.js';
import { judgeRefusal } from './refusal.js';
import { judgeSessions } from './sessions.js';
import type { MachineLife } from '../machine/ending.js';

export class UpdateJudge {
  constructor(
    private readonly parts: Parts,
    private readonly judgements: Judgements,
  ) {}

  /** An update begins: the sessions of the running kernel are about to be handed over. */
  leaves(): UpdateEntry {
    const { recorder, state } = this.parts;
    const sessions = [...state.sessions.values()].filter(({ kind }) => kind === 'outgoing').length;
    return this.judgements.ledger.begin({
      epoch: recorder.epoch,
      sessions,
      files: state.leaving().length,
      at: recorder.clock.now(),
    });
  }

  /** The next kernel is up: the update can be judged. */
  arrived(arrival: Arrival): void {
    this.judgements.ledger.trying?.arrive(arrival);
  }

  get pending(): boolean {
    return this.judgements.ledger.arrived !== null;
  }

  /**
   * Judges the update that led into the running kernel; the first kernel has none.
   * @param after whether its guests are resumed after that
   */
  async judge(after: 'guests-stay' | 'guests-go-on' = 'guests-stay'): Promise<void> {
    const { parts, judgements } = this;
    const { ledger } = judgements;
    const entry = ledger.arrived;
    if (entry?.arrival == null) {
      // The update was judged before guests were paused; its sessions may have been finished or closed since.
      judgeSessions(parts, ledger.updates.at(-1)?.counts.pagesLeaked ?? 0);
      return;
    }
    const { handedOver, managed } = entry.arrival;
    const paused = await pauseGuests(parts);
    judgements.addFiles(entry, await parts.recorder.task('oracles', () => judgeUpdate(parts, handedOver, managed)));
    judgeSessions(parts, entry.record?.counts.pagesLeaked ?? 0);
    await this.judgeGuests(entry, 'runs');
    if (after === 'guests-go-on') await resumeGuests(parts, paused);
    await inspectDevices(parts, 'end');
    await this.judgeHardware(entry, 'runs');
    entry.close('judged');
  }

  /** The update was called off: everything in the old kernel must be intact, and its remaining steps are run. */
  async calledOff(why: string, rest: readonly Operation[]): Promise<void> {
    const { parts, judgements } = this;
    await this.judge();
    const entry = judgements.ledger.trying ?? this.leaves();
    entry.kept = await parts.recorder.task('oracles', () => judgeRefusal(parts));
    entry.wrote('files');
    parts.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: 'refused',
      title: 'the update was called off',
      detail: why,
    });
    await parts.recorder.task('old kernel goes on', async () => {
      await runSteps(parts, rest, 'last');
      await resumeAllGuests(parts);
      await closeSessions(parts);
      await probeSessions(parts);
      await inspectDevices(parts, 'end');
    });
    judgements.guests.push(...(await judgeKeptGuests(parts)));
    judgements.devices.push(...(await judgeKeptDevices(parts)));
    entry.close('refused', why);
  }

  /** An attempt was refused as the scenario expects, and it tries again: sessions and guests stay as they are. */
  async refused(why: string): Promise<void> {
    const { parts, judgements } = this;
    const entry = judgements.ledger.trying;
    if (entry === null) return;
    await parts.recorder.task('oracles', async () => {
      // Intact files are judged again, in the next kernel or after the next refusal.
      entry.kept = (await judgeRefusal(parts)).filter(({ verdict }) => verdict.state !== 'intact');
      entry.wrote('files');
      await probeSessions(parts);
      await inspectDevices(parts, 'end');
    });
    parts.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: 'an attempt to update was refused, as the scenario says',
      detail: why,
    });
    judgements.devices.push(...(await judgeKeptDevices(parts)));
    // The running kernel is asked again before the next attempt.
    parts.state.asked = false;
    entry.close('refused', why);
  }

  /** The machine has ended, or answers no more: what it left in memory is still inspected. */
  async ended(): Promise<void> {
    const { parts, judgements } = this;
    for (const entry of this.dying()) {
      const { arrival, leaving } = entry;
      const jumped = parts.recorder.epoch > leaving.epoch;
      if (!entry.has('files'))
        judgements.addFiles(
          entry,
          await (jumped ? recordEnded(parts, arrival?.handedOver ?? null) : recordHeld(parts)),
        );
      // Without a kexec there is nothing to compare guests and devices with.
      if (jumped) {
        if (!entry.has('guests')) await this.judgeGuests(entry, 'ended');
        followTransfers(parts);
        await this.judgeHardware(entry, 'ended');
      }
      entry.close('ended');
    }
  }

  /** The client is gone and its kernel runs on: judges from outside what it held and what it never retrieved. */
  async clientGone(): Promise<void> {
    const { parts, judgements } = this;
    for (const entry of this.dying()) {
      const jumped = parts.recorder.epoch > entry.leaving.epoch;
      if (!entry.has('files'))
        judgements.addFiles(
          entry,
          jumped ? await judgeClientGone(parts, entry.arrival?.handedOver ?? null) : await judgeHeldByGone(parts),
        );
      entry.close('ended');
    }
  }

  /** The updates to judge when a kernel dies: the one that led into it, and the one that it was about to begin. */
  private dying(): UpdateEntry[] {
    const { ledger } = this.judgements;
    if (ledger.trying === null && this.parts.state.leaving().length > 0) this.leaves();
    return ledger.open;
  }

  private async judgeGuests(entry: UpdateEntry, machine: MachineLife): Promise<void> {
    this.judgements.addGuests(entry, await judgeGuests(this.parts, entry.record?.files ?? [], machine));
  }

  private async judgeHardware(entry: UpdateEntry, machine: MachineLife): Promise<void> {
    const { parts, judgements } = this;
    if (!entry.has('devices')) {
      entry.wrote('devices');
      judgements.devices.push(...judgeDevices(parts, machine));
    }
    if (entry.has('iommu')) return;
    entry.wrote('iommu');
    const { epoch } = parts.recorder;
    await judgeIommu(parts, judgements.iommu, {
      devices: judgements.devices.filter((device) => device.epoch === epoch),
      kexecAt: entry.leaving.at,
      machine,
    });
  }
}
