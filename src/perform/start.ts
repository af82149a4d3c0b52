// SPDX-License-Identifier: Apache-2.0
// How a run starts: from a saved machine if there is one, else from a boot, with a copy for the next run if its machine
// can be saved. Nothing about snapshots ever fails a run.
import { defaultCacheDir, Cache } from '../images/cache/cache.js';
import { findProgram } from '../images/requirements.js';
import { QEMU } from '../qemu/process.js';
import { unsupported } from '../qemu/snapshot/unsupported.js';
import { machineConfig, REAL_PARTS, type Resumed, type RunPlan } from '../run/index.js';
import {
  eligible,
  keyOfPlan,
  openStages,
  qemuBuild,
  resumedOf,
  type Resuming,
  resumingFrom,
  saveWithQemu,
  Saving,
  snapshotsDir,
  snapshotSettings,
  SnapshotStore,
} from '../snapshot/index.js';
import { messageOf } from '../util/errors.js';

/** Whether runs use saved machines and save theirs. */
export type SnapshotUse = 'use' | 'cold';

export interface Warm {
  kind: 'warm';
  resumed: Resumed;
  resuming: Resuming;
  /** The machine has ended. */
  release: () => void;
  /** The saved machine is of no use. */
  remove: () => Promise<void>;
}

export interface Cold {
  kind: 'cold';
  /** Why the run does not start from a saved machine. */
  none: string;
  /** Null if its machine is not saved. */
  saving: Saving | null;
}

export type Start = Warm | Cold;

const cold = (none: string, saving: Saving | null = null): Cold => ({ kind: 'cold', none, saving });

/**
 * Rejects only when `signal` is aborted, and with a UsageError for a setting that cannot be read.
 * @param failed why a start from a saved machine was of no use; null if none was tried
 */
export async function startOf(
  plan: RunPlan,
  { use, failed, signal }: { use: SnapshotUse; failed: string | null; signal: AbortSignal },
): Promise<Start> {
  const { enabled, maxBytes } = snapshotSettings();
  if (use === 'cold') return cold('--cold');
  if (!enabled) return cold('LAB_SNAPSHOTS=off');
  if (plan.onBreakpoint !== undefined) return cold('the user looks at the machine while it runs');
  try {
    const why = unsupported(machineConfig(plan));
    if (why !== null) return cold(why);
    const cache = new Cache(defaultCacheDir());
    const { rung } = eligible(plan.scenario, { knowsJump: plan.formats[0] != null });
    const qemu = findProgram(QEMU) ?? QEMU;
    const build = await qemuBuild(qemu, cache.fact('qemu-build'), signal);
    const key = keyOfPlan(plan, rung, build);
    const store = new SnapshotStore(snapshotsDir(cache.dir), maxBytes);
    let none = failed === null ? 'no snapshot of this machine yet' : `the snapshot was unusable: ${failed}`;
    if (failed === null) {
      const found = await store.find(key, { upTo: rung, signal });
      if (found.state === 'found') return warm(found.ladder, () => store.remove(key), signal);
      if (found.state === 'unusable') none = `the snapshot was unusable: ${found.why}`;
    }
    const begun = await store.begin(key, { bytes: plan.scenario.machine.memory, signal });
    if (begun.state === 'failed') return cold(`${none}, and none can be saved: ${begun.why}`);
    const { draft } = begun;
    const save = saveWithQemu({ qemu, dir: plan.dir, signal });
    return cold(none, new Saving(REAL_PARTS, { rungs: [rung], draft, save, qemuVersion: build.version }));
  } catch (error) {
    signal.throwIfAborted();
    return cold(`no snapshot can be used: ${messageOf(error)}`);
  }
}

function warm(ladder: Parameters<typeof resumingFrom>[0], remove: () => Promise<void>, signal: AbortSignal): Start {
  const opened = new DisposableStack();
  opened.defer(() => ladder.release());
  try {
    const resuming = resumingFrom(ladder, opened.use(openStages(ladder)), { base: REAL_PARTS, signal });
    return { kind: 'warm', resumed: resumedOf(ladder), resuming, remove, release: () => opened.dispose() };
  } catch (error) {
    opened.dispose();
    return cold(`the snapshot was unusable: ${messageOf(error)}`);
  }
}
