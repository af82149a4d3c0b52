// SPDX-License-Identifier: Apache-2.0
// The hunt at the end of a matrix. Its folder lasts from night to night: each night continues with other inputs, from
// what the nights before have reached.
import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { parseKnown } from '../../fuzz/findings/known.js';
import type { HuntPlan } from '../../fuzz/plan/plan.js';
import { labPath } from '../../matrix/select.js';
import { HUNT_SCHEMA, type NightHunt } from '../../model/hunt/hunt.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Plan } from '../../model/scenario/plan.js';
import { nightHuntStatus } from '../../report/hunt/night.js';
import { readNightHunt, writeNightHunt } from '../../store/matrix/hunt.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { sameCommand } from '../common/interrupt.js';
import type { Accel } from '../common/option-values.js';
import { type HuntSetting, questionOf, runHunt } from './hunt.js';
import { huntPlanOf, textOf } from './plan-of.js';

export interface PlannedHunt {
  plan: HuntPlan;
  file: string;
  /** The text of its plan. */
  source: string;
}

/** Reads the plan of the hunt before anything starts; null if the matrix has none. */
export function plannedHunt(
  { fuzz, limits }: Pick<Plan, 'fuzz' | 'limits'>,
  rule: HostRule | null,
  jobs: number | null,
): PlannedHunt | null {
  if (fuzz === null) return null;
  const { file, ms } = fuzz;
  const plan = huntPlanOf(file, {}, rule);
  if (plan.known !== null) parseKnown(...textOf(plan.known));
  const most = [jobs, limits.jobs, plan.jobs].filter((each) => each !== null);
  return {
    plan: { ...plan, time: ms ?? plan.time, jobs: most.length === 0 ? null : Math.min(...most) },
    file,
    source: textOf(file)[0],
  };
}

export interface NightSetting extends Pick<HuntSetting, 'queue' | 'signal' | 'stream'> {
  /** Of the matrix. */
  folder: string;
  results: string;
  accel: Accel;
  /** Stands in for the hunt in tests. */
  hunt?: (setting: HuntSetting) => ReturnType<typeof runHunt>;
}

/** Milliseconds. */
const MINIMISE = 120_000;

/**
 * Hunts, or continues a hunt that was interrupted. A lab that cannot hunt says so in the night. Throws if the disk is
 * full, or after an abort.
 */
export async function huntAtEnd(planned: PlannedHunt, setting: NightSetting): Promise<NightHunt> {
  const { folder, results, accel, queue, signal, stream, hunt = runHunt } = setting;
  const stored = readNightHunt(folder);
  if (stored?.state === 'ended' && nightHuntStatus(stored) !== 3) return stored;
  let night = openHunt(planned, stored);
  const keep = (more: Partial<NightHunt>) => {
    night = { ...night, ...more };
    writeNightHunt(folder, night);
  };
  keep({});
  const own = planned.plan.corpus ?? join(resolve(results), nameOf(planned));
  try {
    const report = await hunt({
      plan: planned.plan,
      folder: own,
      out: join(own, 'findings'),
      accel,
      queue,
      minimiseMs: MINIMISE,
      before: (done) => {
        if (night.before === null) keep({ before: done });
        return night.before;
      },
      signal,
      stream,
      again: () => sameCommand('--resume'),
      onReport: (each) => keep({ report: each }),
    });
    keep({ state: 'ended', report });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LabError) || isDiskFull(error.cause)) throw error;
    keep({ state: 'failed', why: messageOf(error) });
  }
  return night;
}

/** A night that is killed before its hunt begins must not look as if there was none to come. */
export function expectHunt(planned: PlannedHunt, folder: string): void {
  if (readNightHunt(folder) === null) writeNightHunt(folder, openHunt(planned, null));
}

function openHunt({ file }: PlannedHunt, stored: NightHunt | null): NightHunt {
  return {
    schema: HUNT_SCHEMA,
    plan: labPath(file),
    before: stored?.before ?? null,
    state: 'open',
    why: null,
    report: stored?.report ?? null,
  };
}

/** The same as long as the plan asks for the same inputs. */
function nameOf({ plan, file }: PlannedHunt): string {
  const name = basename(file)
    .replace(/\.ya?ml$/, '')
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .slice(0, 40);
  return `fuzz-${name}-${createHash('sha256').update(questionOf(plan)).digest('hex').slice(0, 8)}`;
}
