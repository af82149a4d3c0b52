// SPDX-License-Identifier: Apache-2.0
// The record of a run: everything that its result is built from.
import type { Finding } from '../../console/index.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { DowntimeOfResult, GuestOfResult, RecoveryOfResult } from '../../model/result/guest-result.js';
import type { DeviceOfResult, IommuOfResult } from '../../model/result/hardware-result.js';
import type { Incident } from '../../model/result/incident.js';
import type { Result } from '../../model/result/result.js';
import type { CaseOfResult } from '../../model/scenario/selftest.js';
import type { LoopDelay } from '../../util/loop/meter.js';
import type { Verdict } from '../../verdict/verdict.js';
import type { FileRecord, UpdateRecord } from '../judge/records.js';
import type { StepResult } from '../state/step-result.js';

/** What a kernel reported about itself. */
export interface EpochRecord {
  release: string | null;
  bootId: string | null;
}

export interface RunRecord {
  verdict: Verdict;
  incidents: Incident[];
  droppedIncidents: number;
  updates: UpdateRecord[];
  attempts: Result['attempts'];
  /** Files in the old kernel after an update that was called off. */
  kept: { epoch: number; file: FileRecord }[];
  steps: StepResult[];
  /** Test cases of upstream's own tests. */
  cases: CaseOfResult[];
  /** Mismatches for which `policy: check` called the update off. */
  objected: Mismatch[];
  /** What the next kernel did not take over of devices and the IOMMU. */
  hardware: Mismatch[];
  witnesses: Result['witnesses'];
  taint: Result['taint'];
  epochs: EpochRecord[];
  findings: readonly Finding[];
  devices: DeviceOfResult[];
  iommu: IommuOfResult | null;
  guests: GuestOfResult[];
  downtime: DowntimeOfResult[];
  recovery: RecoveryOfResult | null;
  qemu: Result['qemu'];
  /** Milliseconds. */
  durations: Record<string, number>;
  /** How late the event loop of this process was during the run. */
  loopDelay: LoopDelay;
  startedAt: Date;
}
