// SPDX-License-Identifier: Apache-2.0
// Saves the machine of a run at all rungs up to the next kernel's user space. The run has no faults, so that runs with
// faults can start there; only what it saved is kept.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rung } from '../model/result/snapshot.js';
import { execute, REAL_PARTS, type RunPlan } from '../run/index.js';
import { operationsBeforeFiles, type QemuBuild, saveWithQemu, Saving, type SnapshotStore } from '../snapshot/index.js';
import { removeTemp, trackTemp } from '../util/process/reaper.js';
import { withoutFaults } from './late-faults.js';

const RUNGS: readonly Rung[] = ['jump', 'kho', 'luo', 'open'];
/** A saved machine takes a tenth of its RAM or less. */
const SHARE = 0.2;

export interface ClimbOptions {
  key: string;
  store: SnapshotStore;
  build: QemuBuild;
  /** Path of QEMU. */
  qemu: string;
  signal: AbortSignal;
}

/** Rejects only when `signal` is aborted. Returns why there is no such ladder now; null if there is one. */
export async function climb(plan: RunPlan, { key, store, build, qemu, signal }: ClimbOptions): Promise<string | null> {
  const scenario = withoutFaults(plan.scenario);
  const operations = operationsBeforeFiles(scenario.steps);
  const rungs: readonly Rung[] = operations === null ? RUNGS : [...RUNGS, 'retrieve'];
  const begun = await store.begin(key, { bytes: rungs.length * scenario.machine.memory * SHARE, signal });
  if (begun.state !== 'begun') return begun.why;
  const dir = mkdtempSync(join(tmpdir(), 'lab-'));
  trackTemp(dir);
  const { draft } = begun;
  const save = saveWithQemu({ qemu, dir, signal });
  const saving = new Saving(REAL_PARTS, { rungs, operations, draft, save, qemuVersion: build.version });
  try {
    // Nobody sees this run.
    const streams = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };
    const own: RunPlan = { ...plan, scenario, dir, memory: null, resumed: null, saver: saving };
    await execute(own, streams, signal, saving.parts);
    const published = await saving.publish(signal);
    return published?.state === 'failed' ? published.why : null;
  } finally {
    saving.discard();
    removeTemp(dir);
  }
}
