// SPDX-License-Identifier: Apache-2.0
// Machines for commands that run one scenario, or many similar ones, many times.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defaultCacheDir } from '../../images/cache/cache.js';
import { capacity } from '../../host/capacity.js';
import { HostSlots } from '../../host/slots.js';
import type { Preparation } from '../../perform/prepare.js';
import { Machines } from '../../repro/rerun/machines.js';
import { labVersion } from '../common/version.js';

/** @param requestedJobs value of --jobs; null without it */
export function trialMachines(
  preparation: Preparation,
  requestedJobs: number | null,
): { machines: Machines; slots: HostSlots; jobs: number; note: string | null } {
  const { jobs, memory, note } = capacity(requestedJobs, { jobs: null, memory: null, timeout: null });
  const slots = new HostSlots(join(defaultCacheDir(), 'host', 'machines'), availableParallelism());
  return { machines: new Machines({ preparation, slots, memory, labVersion: labVersion() }), slots, jobs, note };
}
