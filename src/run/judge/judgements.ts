// SPDX-License-Identifier: Apache-2.0
// The judgements of a run so far. Nothing here talks to the machine.
import type { Event } from '../../model/result/event.js';
import type { DowntimeOfResult, GuestOfResult } from '../../model/result/guest-result.js';
import type { DeviceOfResult } from '../../model/result/hardware-result.js';
import { IommuRecord } from '../devices/iommu/result.js';
import { DowntimeReader } from '../record/downtime.js';
import type { UpdateRecord } from './records.js';
import { Ledger, type UpdateEntry } from './ledger.js';

export class Judgements {
  readonly ledger = new Ledger();
  readonly devices: DeviceOfResult[] = [];
  readonly guests: GuestOfResult[] = [];
  readonly downtime: DowntimeOfResult[] = [];
  readonly iommu = new IommuRecord();
  private readonly downtimeReader = new DowntimeReader();

  /** Takes every event of the run. */
  take(event: Event): void {
    this.downtimeReader.take(event);
  }

  addFiles(entry: UpdateEntry, record: UpdateRecord): void {
    entry.wrote('files');
    // An update without files that died before it was judged needs no record.
    if (record.files.length > 0 || entry.state === 'arrived') entry.record = record;
  }

  addGuests(entry: UpdateEntry, guests: readonly GuestOfResult[]): void {
    entry.wrote('guests');
    this.guests.push(...guests);
    const downtime = this.downtimeReader.finish(guests.map(({ name, size, downtime: ms }) => ({ name, size, ms })));
    if (downtime !== null) this.downtime.push(downtime);
  }

  /** After a failure of the lab: closes everything that is not judged yet. */
  abandon(): void {
    for (const entry of this.ledger.open) entry.close('ended');
  }
}
