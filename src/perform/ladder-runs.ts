// SPDX-License-Identifier: Apache-2.0
// Runs of one process from the rungs of one ladder: everything that is the same is prepared once.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache, defaultCacheDir } from '../images/cache/cache.js';
import { findProgram } from '../images/index.js';
import { reaches, type Rung } from '../model/result/snapshot.js';
import type { Scenario } from '../model/scenario/scenario.js';
import type { Coverage } from '../model/result/coverage.js';
import { type Climb, climb } from './climb.js';
import { RunCoverage } from './coverage.js';
import { lastRungOfRun, pairOf, withFaultsAtJump } from './late-faults.js';
import type { Prepared } from './prepare.js';
import { QEMU } from '../qemu/process.js';
import { execute, REAL_PARTS, type RunPlan, type RunRecord } from '../run/index.js';
import {
  HeldLadder,
  keyOfPlan,
  operationsBeforeFiles,
  qemuBuild,
  type QemuBuild,
  resumedOf,
  snapshotsDir,
  SnapshotStore,
} from '../snapshot/index.js';
import { UsageError } from '../util/errors.js';
import { makeTemp, removeTemp } from '../util/process/reaper.js';

export const QUIET = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };

export interface Member {
  scenario: Scenario;
  /** The last rung from which it can start. */
  last: Rung;
}

export interface LadderRunOptions {
  /** That of the ladder by default. */
  signal?: AbortSignal;
  /** Whether to see which code ran; `off` by default. */
  coverage?: 'on' | 'off';
}

export interface LadderRun {
  record: RunRecord;
  /** Null if nobody asked for it. */
  coverage: Coverage | null;
}

export class LadderRuns implements Disposable {
  /** By rung, and by what the next kernel does before the first file. */
  private readonly rungs = new Map<string, Promise<HeldLadder>>();

  private constructor(
    private readonly prepared: Prepared,
    private readonly store: SnapshotStore,
    private readonly key: string,
    private readonly build: QemuBuild,
    private readonly signal: AbortSignal,
  ) {}

  /** Saves the machine of a scenario at all rungs, in a store of its own. */
  static async climb(
    scenario: Scenario,
    prepared: Prepared,
    { folder, signal }: { folder: string; signal: AbortSignal },
  ): Promise<LadderRuns> {
    const qemu = findProgram(QEMU) ?? QEMU;
    const build = await qemuBuild(qemu, new Cache(defaultCacheDir()).fact('qemu-build'), signal);
    const store = new SnapshotStore(snapshotsDir(folder), Number.MAX_SAFE_INTEGER);
    const plan = planWithoutFolder(scenario, prepared, folder);
    const key = keyOfPlan({ ...plan, scenario: withFaultsAtJump(scenario, pairOf(plan)) }, 'jump', build);
    const climbed = await climb(plan, { key, store, build, qemu, signal });
    requireSound(scenario, climbed);
    if (climbed.state !== 'done') throw new Error(`nothing was saved: ${climbed.why}`);
    return new LadderRuns(prepared, store, key, build, signal);
  }

  /** The scenario as a run from this ladder executes it; null if it is of another machine. */
  member(scenario: Scenario): Member | null {
    const plan = planWithoutFolder(scenario, this.prepared, '/nonexistent');
    const pair = pairOf(plan);
    const own = withFaultsAtJump(scenario, pair);
    if (keyOfPlan({ ...plan, scenario: own }, 'jump', this.build) !== this.key) return null;
    return { scenario: own, last: lastRungOfRun(own, pair) };
  }

  /** Throws an Error if there is no such rung, or it cannot be used. */
  async run(
    { scenario }: Pick<Member, 'scenario'>,
    rung: Rung,
    { signal = this.signal, coverage = 'off' }: LadderRunOptions = {},
  ): Promise<LadderRun> {
    return this.from(await this.held(scenario, rung), scenario, { signal, coverage });
  }

  [Symbol.dispose](): void {
    for (const held of this.rungs.values())
      void held.then(
        (ladder) => ladder[Symbol.dispose](),
        () => undefined,
      );
    this.rungs.clear();
  }

  /** Finds and checks the ladder of a rung before the first run from it. */
  private held(scenario: Scenario, rung: Rung): Promise<HeldLadder> {
    const operations = operationsBeforeFiles(scenario.steps);
    const key = `${rung} ${operations}`;
    const known = this.rungs.get(key);
    if (known !== undefined) return known;
    const held = this.hold(rung, operations);
    this.rungs.set(key, held);
    held.catch(() => this.rungs.delete(key));
    return held;
  }

  private async hold(rung: Rung, operations: string | null): Promise<HeldLadder> {
    const found = await this.store.find(this.key, { upTo: rung, operations, signal: this.signal });
    if (found.state !== 'found') throw new Error(`rung ${rung}: ${found.state}`);
    if (found.ladder.rung === rung) return new HeldLadder(found.ladder);
    found.ladder.release();
    throw new Error(`the rung ${rung} was not saved`);
  }

  private async from(
    held: HeldLadder,
    scenario: Scenario,
    { signal: ended, coverage: wanted }: Required<LadderRunOptions>,
  ): Promise<LadderRun> {
    const dir = makeTemp(join(tmpdir(), 'lab-'));
    const resuming = held.resuming({ base: REAL_PARTS, signal: ended });
    try {
      const resumed = resumedOf(held.ladder);
      const planned = { ...planWithoutFolder(scenario, this.prepared, dir), resumed };
      const coverage = wanted === 'on' ? new RunCoverage(planned) : null;
      const streams = { ...QUIET, ...coverage?.begin({ kind: 'warm', resumed }) };
      const signal = AbortSignal.any([ended, resuming.failed]);
      const plan = { ...planned, coverage: coverage?.ranges };
      const record = await execute(plan, streams, signal, resuming.parts);
      return { record, coverage: coverage?.result() ?? null };
    } finally {
      resuming.end();
      removeTemp(dir);
    }
  }
}

/**
 * Throws a UsageError if a kernel does not pass the run without the faults: what a fault does cannot be told then, and
 * neither the lab nor its host is to blame.
 */
export function requireSound({ kernels }: Pick<Scenario, 'kernels'>, { outcome, why }: Climb): void {
  if (outcome === null || outcome === 'infra' || outcome === 'preserved') return;
  throw new UsageError(`${kernels.join(' -> ')} fails without any change of the handover: ${why}`, {
    hint: 'look at the sound scenario first: lab run scenarios/fuzz/bases/files.yaml; or hunt with --generators calls',
  });
}

/** The plan of a run of which nothing is kept. */
export function planWithoutFolder(
  scenario: Scenario,
  { accel, rootfs, coreRootfs = rootfs, ...prepared }: Prepared,
  dir: string,
): RunPlan {
  return {
    ...prepared,
    rootfs: coreRootfs,
    id: 'measured',
    scenario,
    accel: accel.accel,
    dir,
    deviceLooks: true,
    memory: null,
    saver: null,
    resumed: null,
  };
}

/** Whether a scenario can start at this rung. */
export function startsAt({ last }: Member, rung: Rung): boolean {
  return reaches(last, rung);
}
