// SPDX-License-Identifier: Apache-2.0
// How a run starts: from a saved machine if there is one, else from a boot, with a copy for the next run if its machine
// can be saved. Nothing about snapshots ever fails a run.
import { defaultCacheDir, Cache } from '../images/cache/cache.js';
import { findProgram } from '../images/requirements.js';
import type { EventBody } from '../model/result/event.js';
import type { Rung } from '../model/result/snapshot.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { QEMU } from '../qemu/process.js';
import { hostProblem, resumeHost } from '../qemu/snapshot/host.js';
import { ramProblem } from '../qemu/snapshot/opening.js';
import { unsupported } from '../qemu/snapshot/unsupported.js';
import { machineConfig, REAL_PARTS, type Resumed, type RunParts, type RunPlan } from '../run/index.js';
import {
  eligible,
  type Found,
  keyOfPlan,
  type Ladder,
  openStages,
  operationsBeforeFiles,
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
import { climb } from './climb.js';
import { findWithLaterRungs } from './later-rungs.js';
import { lastRungOfRun, pairOf, withFaultsAtJump } from './late-faults.js';

/**
 * How a run uses saved machines.
 * - `use`: it starts from the last rung that fits. Without one it boots, and saves that rung.
 * - `booted`: it saves no later rung than `booted`. For runs that have little in common after the boot.
 * - `find`: it saves nothing. For runs whose kernels no other run uses.
 * - `cold`: it boots.
 */
export type SnapshotUse = 'use' | 'booted' | 'find' | 'cold';

export interface Warm {
  kind: 'warm';
  /** As the run executes it: faults that make no difference before the jump come at the jump. */
  scenario: Scenario;
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
  /** Null if its machine is not saved. The scenario is as in `Warm`: no fault may be in the saved machine. */
  saved: { saving: Saving; scenario: Scenario; rung: Rung } | null;
  /** What was wrong with a saved machine; null if there was none, or none was wanted. */
  unusable: string | null;
  parts: RunParts;
}

export type Start = Warm | Cold;

export interface StartOptions {
  use: SnapshotUse;
  /** Why a start from a saved machine was of no use; null if none was tried. */
  failed: string | null;
  signal: AbortSignal;
  /** Takes what happens before the run. */
  tell: (event: EventBody) => void;
}

/** Chooses how a run starts; tests replace it. */
export type Starter = typeof startOf;

function cold(none: string, { saved = null, unusable = null }: Partial<Pick<Cold, 'saved' | 'unusable'>> = {}): Cold {
  return { kind: 'cold', none, saved, unusable, parts: saved?.saving.parts ?? REAL_PARTS };
}

const unusableText = (why: string): string => `the snapshot was unusable: ${why}`;

/** Rejects only when `signal` is aborted, and with a UsageError for a setting that cannot be read. */
export async function startOf(plan: RunPlan, { use, failed, signal, tell }: StartOptions): Promise<Start> {
  const { enabled, maxBytes } = snapshotSettings();
  if (use === 'cold') return cold('--cold');
  if (!enabled) return cold('LAB_SNAPSHOTS=off');
  if (plan.signed !== undefined) return cold('what is loaded is signed with a key of this run');
  if (plan.userspace !== undefined) return cold('another system is its user space');
  if (plan.onBreakpoint !== undefined) return cold('the user looks at the machine while it runs');
  try {
    const why = unsupported(machineConfig(plan)) ?? hostProblem(await resumeHost());
    if (why !== null) return cold(why);
    const cache = new Cache(defaultCacheDir());
    const pair = pairOf(plan);
    const scenario = withFaultsAtJump(plan.scenario, pair);
    const { rung } = eligible(scenario, { knowsJump: plan.formats[0] != null });
    const qemu = findProgram(QEMU) ?? QEMU;
    const build = await qemuBuild(qemu, cache.fact('qemu-build'), signal);
    const store = new SnapshotStore(snapshotsDir(cache.dir), maxBytes);
    const keyAt = (at: 'jump' | 'booted') => keyOfPlan({ ...plan, scenario }, at, build);
    const findAt = async (at: 'jump' | 'booted'): Promise<Found> => {
      const upTo = at === 'jump' ? lastRungOfRun(scenario, pair) : at;
      const key = keyAt(at);
      const wanted = { upTo, operations: operationsBeforeFiles(scenario.steps), signal };
      const find = () => store.find(key, wanted);
      if (use !== 'use') return find();
      const note = (text: string) => tell({ kind: 'note', text });
      const save = () => climb(plan, { key, store, build, qemu, signal, note });
      const onStuck = (why: string) => tell({ kind: 'snapshot', state: 'not-saved', rung: 'kho', why });
      return findWithLaterRungs({ upTo, find, climb: save, onStuck });
    };
    let unusable = failed;
    const startAt = async (rungs: readonly ('jump' | 'booted')[]): Promise<Start | null> => {
      for (const at of failed === null ? rungs : []) {
        const found = await findAt(at);
        const remove = () => store.remove(keyAt(at));
        if (found.state === 'found') return warm({ ladder: found.ladder, scenario, remove, signal });
        if (found.state === 'unusable') unusable = found.why;
      }
      return null;
    };
    const saved = savedRung(rung, use);
    const start = await startAt(saved === rung || rung === 'booted' ? [rung] : [rung, 'booted']);
    if (start !== null) return start;
    const none = unusable === null ? 'no snapshot of this machine yet' : unusableText(unusable);
    if (saved === null) return cold(none, { unusable });
    const begun = await store.begin(keyAt(saved), { bytes: plan.scenario.machine.memory, signal });
    if (begun.state !== 'begun') {
      const earlier = saved === 'jump' ? await startAt(['booted']) : null;
      return earlier ?? cold(`${none}, and none can be saved: ${begun.why}`, { unusable });
    }
    const { draft } = begun;
    const save = saveWithQemu({ qemu, dir: plan.dir, signal });
    const saving = new Saving(REAL_PARTS, { rungs: [saved], draft, save, qemuVersion: build.version });
    return cold(none, { saved: { saving, scenario, rung: saved }, unusable });
  } catch (error) {
    signal.throwIfAborted();
    return cold(`no snapshot can be used: ${messageOf(error)}`, { unusable: failed });
  }
}

/**
 * The rung that a run saves if it boots; null if it saves none.
 * @param last the last one that it can start from
 */
export function savedRung(last: 'jump' | 'booted', use: SnapshotUse): 'jump' | 'booted' | null {
  if (use === 'find' || use === 'cold') return null;
  return use === 'booted' ? 'booted' : last;
}

interface WarmOptions {
  ladder: Ladder;
  scenario: Scenario;
  remove: () => Promise<void>;
  signal: AbortSignal;
}

function warm({ ladder, scenario, remove, signal }: WarmOptions): Start {
  const opened = new DisposableStack();
  opened.defer(() => ladder.release());
  try {
    const problem = ramProblem(ladder.path(ladder.saved.ram));
    if (problem !== null) {
      opened.dispose();
      return cold(problem);
    }
    const resuming = resumingFrom(ladder, opened.use(openStages(ladder)), { base: REAL_PARTS, signal });
    const resumed = resumedOf(ladder);
    return { kind: 'warm', scenario, resumed, resuming, remove, release: () => opened.dispose() };
  } catch (error) {
    opened.dispose();
    return cold(unusableText(messageOf(error)), { unusable: messageOf(error) });
  }
}
