// SPDX-License-Identifier: Apache-2.0
// Rungs: moments of a run at which the machine can be saved, and from which a later run can start.
import { reaches, type Rung } from '../../model/result/snapshot.js';
import type { RunPlan, Savable } from './plan.js';
import type { Recorder } from './recorder.js';

/** The kernel that counts as the running one. At `kho` and `luo` the next kernel has not shown itself yet. */
const EPOCHS: Readonly<Record<Rung, number>> = { booted: 0, jump: 0, kho: 0, luo: 0, open: 1, retrieve: 1 };

/** Saves the machine if the run saves this rung. A failure is recorded, and changes nothing else. */
export async function saveRung(
  { plan, recorder, machine }: { plan: Pick<RunPlan, 'saver'>; recorder: Recorder; machine: Savable },
  rung: Rung,
): Promise<void> {
  const { saver } = plan;
  if (saver === null || !savesRung({ plan, recorder }, rung)) return;
  const started = recorder.clock.now();
  const why = await saver.save(rung, machine);
  recorder.event(
    why === null
      ? { kind: 'snapshot', state: 'saved', rung, ms: recorder.clock.now() - started }
      : { kind: 'snapshot', state: 'not-saved', rung, why },
  );
}

/** Whether the run saves its machine at this rung, and is where the rung can be. */
export function savesRung(
  { plan, recorder }: { plan: Pick<RunPlan, 'saver'>; recorder: Pick<Recorder, 'epoch'> },
  rung: Rung,
): boolean {
  return recorder.epoch === EPOCHS[rung] && plan.saver?.wants(rung) === true;
}

/** Whether the kernel of `epoch` runs in this run, and has run in another one: it has the past of a saved machine. */
export function isLiveAfter(resumed: RunPlan['resumed'], epoch: number): boolean {
  return resumed !== null && (epoch > 0 || !reaches(resumed.rung, 'jump'));
}

/** Whether the machine must stop at the jump out of `epoch`, because it is saved there or starts there or later. */
export function stopsForRung({ saver, resumed }: Pick<RunPlan, 'saver' | 'resumed'>, epoch: number): boolean {
  return epoch === 0 && (saver?.wants('jump') === true || (resumed !== null && reaches(resumed.rung, 'jump')));
}
