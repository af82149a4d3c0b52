// SPDX-License-Identifier: Apache-2.0
// Each update of a run is judged once: when its kernel is done, before guests are stopped for the next update, or when the machine has ended. What was found
// is collected here.
import type { Event } from '../model/event.js';
import type { DowntimeOfResult, GuestOfResult } from '../model/guest-result.js';
import type { DeviceOfResult } from '../model/hardware-result.js';
import type { RunContext } from './context.js';
import { judgeDevices, judgeKeptDevices } from './device-judge.js';
import { lookAtDevices } from './device-look.js';
import { DowntimeReader } from './downtime.js';
import { holdGuests, letAllGoOn, letGuestsGo } from './guest-hold.js';
import { judgeGuests, judgeKeptGuests } from './guest-judge.js';
import { IommuRecord, judgeIommu } from './iommu-judge.js';
import { type FileRecord, judgeOopsed, judgeUpdate, recordEnded, type UpdateRecord } from './judge.js';
import type { MarkedPages } from './look.js';
import { judgeRefusal, letGo } from './refusal.js';
import { type IndexedStep, runSteps } from './steps.js';
import { followTransfers } from './transfers.js';

/** What the update that led into this epoch is judged by. */
export interface Arrival {
  handedOver: MarkedPages | null;
  managed: number | null;
  /** When the kexec began, milliseconds of the run. */
  kexecAt: number;
}

export class Judging {
  readonly updates: UpdateRecord[] = [];
  readonly kept: FileRecord[] = [];
  readonly devices: DeviceOfResult[] = [];
  readonly guests: GuestOfResult[] = [];
  readonly downtime: DowntimeOfResult[] = [];
  readonly iommu = new IommuRecord();
  private readonly downtimeReader = new DowntimeReader();
  private arrival: Arrival | null = null;
  private kexecAt = 0;

  /** Every event of the run goes through here. */
  take(event: Event): void {
    this.downtimeReader.take(event);
  }

  /** An update begins, at `at` milliseconds of the run. */
  leaves(at: number): void {
    this.kexecAt = at;
  }

  /** The next kernel is up: there is something to judge. */
  arrived(handedOver: MarkedPages | null, managed: number | null): void {
    this.arrival = { handedOver, managed, kexecAt: this.kexecAt };
  }

  get pending(): boolean {
    return this.arrival !== null;
  }

  /** Judges the update that led into this epoch; nothing to judge in the first. @param more guests are to go on after it */
  async judge(context: RunContext, more = false): Promise<void> {
    const { arrival } = this;
    if (arrival === null) return;
    this.arrival = null;
    const held = await holdGuests(context);
    this.updates.push(await context.recorder.task('oracles', () => judgeUpdate(context, arrival.handedOver, arrival.managed)));
    await this.judgeGuests(context, false);
    if (more) await letGuestsGo(context, held);
    await lookAtDevices(context, 'end');
    await this.judgeHardware(context, arrival.kexecAt, false);
  }

  /** The update was called off: what the old kernel has must be whole, and it goes on with what was left to do. */
  async calledOff(context: RunContext, why: string, rest: readonly IndexedStep[]): Promise<void> {
    await this.judge(context);
    this.kept.push(...(await context.recorder.task('oracles', () => judgeRefusal(context, why))));
    await context.recorder.task('old kernel goes on', async () => {
      await runSteps(context, rest, true);
      await letAllGoOn(context);
      await letGo(context);
      await lookAtDevices(context, 'end');
    });
    this.guests.push(...(await judgeKeptGuests(context)));
    this.devices.push(...judgeKeptDevices(context));
  }

  /** The machine has ended, or answers no more: what it left in memory is still looked at. */
  async ended(context: RunContext): Promise<void> {
    if (context.state.carried.size > 0) this.updates.push(recordEnded(context, this.arrival?.handedOver ?? null));
    // Without a jump there is nothing to hold devices against.
    if (context.recorder.epoch === 0) return;
    await this.judgeGuests(context, true);
    followTransfers(context);
    await this.judgeHardware(context, this.arrival?.kexecAt ?? this.kexecAt, true);
  }

  /** The kernel goes on after its oops, but what it was about to give back stays where it is: seen from outside. */
  async oopsed(context: RunContext): Promise<void> {
    if (context.state.carried.size > 0) this.updates.push(await judgeOopsed(context, this.arrival?.handedOver ?? null));
  }

  private async judgeGuests(context: RunContext, ended: boolean): Promise<void> {
    const guests = await judgeGuests(context, this.updates.at(-1)?.files ?? [], ended);
    this.guests.push(...guests);
    const downtime = this.downtimeReader.finish(guests.map(({ name, size, downtime: ms }) => ({ name, size, ms })));
    if (downtime !== null) this.downtime.push(downtime);
  }

  private async judgeHardware(context: RunContext, kexecAt: number, ended: boolean): Promise<void> {
    const devices = judgeDevices(context, ended);
    this.devices.push(...devices);
    await judgeIommu(context, this.iommu, devices, kexecAt, ended);
  }
}
