// SPDX-License-Identifier: Apache-2.0
// Judges each update once: when its kernel is done, before guests are stopped for the next update, or when the machine
// has ended. The ledger knows what is still to be judged.
import type { Event } from '../../model/result/event.js';
import type { DowntimeOfResult, GuestOfResult } from '../../model/result/guest-result.js';
import type { DeviceOfResult } from '../../model/result/hardware-result.js';
import type { RunContext } from '../engine/context.js';
import { judgeDevices } from '../devices/judge.js';
import { lookAtDevices } from '../devices/inspect.js';
import { judgeKeptDevices } from '../devices/refusal.js';
import { DowntimeReader } from '../record/downtime.js';
import { holdGuests, letAllGoOn, letGuestsGo } from '../guests/hold.js';
import { judgeGuests, judgeKeptGuests } from '../guests/judge.js';
import { IommuRecord, judgeIommu } from '../devices/iommu-judge.js';
import { judgeClientGone, judgeHeldByGone } from './client-gone.js';
import { judgeUpdate, recordEnded, recordHeld, type UpdateRecord } from './files.js';
import { type Arrival, Ledger, type UpdateEntry } from './ledger.js';
import { probeSessions } from '../agent/probe.js';
import { judgeRefusal, letGo } from './refusal.js';
import { judgeSessions } from './sessions.js';
import { type IndexedStep, runSteps } from '../steps/run-steps.js';
import { followTransfers } from '../devices/transfers.js';

export class Judging {
  readonly ledger = new Ledger();
  readonly devices: DeviceOfResult[] = [];
  readonly guests: GuestOfResult[] = [];
  readonly downtime: DowntimeOfResult[] = [];
  readonly iommu = new IommuRecord();
  private readonly downtimeReader = new DowntimeReader();

  /** Every event of the run goes through here. */
  take(event: Event): void {
    this.downtimeReader.take(event);
  }

  /** An update begins: what the sessions of the running kernel hold is about to be handed over. */
  leaves({ recorder, state }: RunContext): UpdateEntry {
    const sessions = [...state.sessions.values()].filter(({ kind }) => kind === 'outgoing').length;
    return this.ledger.begin({
      epoch: recorder.epoch,
      sessions,
      files: state.leaving().length,
      at: recorder.clock.now(),
    });
  }

  /** The next kernel is up: there is something to judge. */
  arrived(arrival: Arrival): void {
    this.ledger.trying?.arrive(arrival);
  }

  get pending(): boolean {
    return this.ledger.arrived !== null;
  }

  /**
   * Judges the update that led into the running kernel; the first kernel has none.
   * @param after what its guests do next
   */
  async judge(context: RunContext, after: 'guests-stay' | 'guests-go-on' = 'guests-stay'): Promise<void> {
    const entry = this.ledger.arrived;
    if (entry?.arrival == null) {
      // It was judged before guests were stopped, and its sessions may have been finished or closed since.
      judgeSessions(context, this.ledger.updates.at(-1)?.counts.pagesLeaked ?? 0);
      return;
    }
    const { handedOver, managed } = entry.arrival;
    const held = await holdGuests(context);
    this.takeFiles(entry, await context.recorder.task('oracles', () => judgeUpdate(context, handedOver, managed)));
    judgeSessions(context, entry.record?.counts.pagesLeaked ?? 0);
    await this.judgeGuests(context, entry, 'runs');
    if (after === 'guests-go-on') await letGuestsGo(context, held);
    await lookAtDevices(context, 'end');
    await this.judgeHardware(context, entry, 'runs');
    entry.close('judged');
  }

  /** The update was called off: what the old kernel has must be whole, and it goes on with what was left to do. */
  async calledOff(context: RunContext, why: string, rest: readonly IndexedStep[]): Promise<void> {
    await this.judge(context);
    const entry = this.ledger.trying ?? this.leaves(context);
    entry.kept = await context.recorder.task('oracles', () => judgeRefusal(context));
    entry.wrote('files');
    context.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: 'refused',
      title: 'the update was called off',
      detail: why,
    });
    await context.recorder.task('old kernel goes on', async () => {
      await runSteps(context, rest, true);
      await letAllGoOn(context);
      await letGo(context);
      await probeSessions(context);
      await lookAtDevices(context, 'end');
    });
    this.guests.push(...(await judgeKeptGuests(context)));
    this.devices.push(...(await judgeKeptDevices(context)));
    entry.close('refused', why);
  }

  /** An attempt was refused, as the scenario says, and it will try again: its sessions and guests stay as they are. */
  async refused(context: RunContext, why: string): Promise<void> {
    const entry = this.ledger.trying;
    if (entry === null) return;
    await context.recorder.task('oracles', async () => {
      // Those that are whole are looked at again, in the next kernel or after the next refusal.
      entry.kept = (await judgeRefusal(context)).filter(({ fate }) => fate.fate !== 'intact');
      entry.wrote('files');
      await probeSessions(context);
      await lookAtDevices(context, 'end');
    });
    context.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: 'an attempt to update was refused, as the scenario says',
      detail: why,
    });
    this.devices.push(...(await judgeKeptDevices(context)));
    // The next attempt is asked about anew.
    context.state.asked = false;
    entry.close('refused', why);
  }

  /** The machine has ended, or answers no more: what it left in memory is still looked at. */
  async ended(context: RunContext): Promise<void> {
    for (const entry of this.dying(context)) {
      const { arrival, leaving } = entry;
      const jumped = context.recorder.epoch > leaving.epoch;
      if (!entry.has('files'))
        this.takeFiles(entry, jumped ? recordEnded(context, arrival?.handedOver ?? null) : recordHeld(context));
      // Without a jump there is nothing to hold guests and devices against.
      if (jumped) {
        if (!entry.has('guests')) await this.judgeGuests(context, entry, 'ended');
        followTransfers(context);
        await this.judgeHardware(context, entry, 'ended');
      }
      entry.close('ended');
    }
  }

  /** The kernel goes on, and the client in it is gone: what it held, and what it never got, is seen from outside. */
  async clientGone(context: RunContext): Promise<void> {
    for (const entry of this.dying(context)) {
      const jumped = context.recorder.epoch > entry.leaving.epoch;
      if (!entry.has('files'))
        this.takeFiles(
          entry,
          jumped ? await judgeClientGone(context, entry.arrival?.handedOver ?? null) : await judgeHeldByGone(context),
        );
      entry.close('ended');
    }
  }

  /** The lab itself failed: what is not judged by now never will be. */
  abandon(): void {
    for (const entry of this.ledger.open) entry.close('ended');
  }

  /**
   * What is still to be judged when a kernel dies: the update that led into it, and the one that it was about to begin.
   */
  private dying(context: RunContext): UpdateEntry[] {
    if (this.ledger.trying === null && context.state.leaving().length > 0) this.leaves(context);
    return this.ledger.open;
  }

  private takeFiles(entry: UpdateEntry, record: UpdateRecord): void {
    entry.wrote('files');
    // An update without files that died before it was judged has nothing to tell.
    if (record.files.length > 0 || entry.state === 'arrived') entry.record = record;
  }

  private async judgeGuests(context: RunContext, entry: UpdateEntry, machine: 'runs' | 'ended'): Promise<void> {
    const guests = await judgeGuests(context, entry.record?.files ?? [], machine === 'ended');
    entry.wrote('guests');
    this.guests.push(...guests);
    const downtime = this.downtimeReader.finish(guests.map(({ name, size, downtime: ms }) => ({ name, size, ms })));
    if (downtime !== null) this.downtime.push(downtime);
  }

  private async judgeHardware(context: RunContext, entry: UpdateEntry, machine: 'runs' | 'ended'): Promise<void> {
    const ended = machine === 'ended';
    if (!entry.has('devices')) {
      entry.wrote('devices');
      this.devices.push(...judgeDevices(context, ended));
    }
    if (entry.has('iommu')) return;
    entry.wrote('iommu');
    await judgeIommu(
      context,
      this.iommu,
      this.devices.filter(({ epoch }) => epoch === context.recorder.epoch),
      entry.leaving.at,
      ended,
    );
  }
}
