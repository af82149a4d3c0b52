// SPDX-License-Identifier: Apache-2.0
// Saves the machine of a run at all rungs up to the next kernel's user space. The run has no faults, so that runs with
// faults can start there; only what it saved is kept.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '../model/result/event.js';
import type { Outcome } from '../model/result/outcome.js';
import { reaches, type Rung } from '../model/result/snapshot.js';
import { execute, REAL_PARTS, type RunPlan, type RunRecord } from '../run/index.js';
import {
  operationsBeforeFiles,
  type Published,
  type QemuBuild,
  saveWithQemu,
  Saving,
  type SnapshotStore,
} from '../snapshot/index.js';
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
  /** Says what takes long. */
  note?: (text: string) => void;
}

/**
 * `untried`: no run took place, or another run is in its way. `failed`: nothing was saved. `done`: at least one rung
 * was saved; `why` tells how the run ended, in case it did not save all of them.
 */
export interface Climb {
  state: 'untried' | 'failed' | 'done';
  why: string;
  /** How the run without the faults ended; null if none took place. */
  outcome: Outcome | null;
}

/** Rejects only when `signal` is aborted. */
export async function climb(plan: RunPlan, options: ClimbOptions): Promise<Climb> {
  const { key, store, build, qemu, signal, note } = options;
  const scenario = withoutFaults(plan.scenario);
  const operations = operationsBeforeFiles(scenario.steps);
  const rungs: readonly Rung[] = operations === null ? RUNGS : [...RUNGS, 'retrieve'];
  const begun = await store.begin(key, { bytes: rungs.length * scenario.machine.memory * SHARE, signal });
  if (begun.state !== 'begun') return { state: 'untried', why: begun.why, outcome: null };
  note?.('one run without the faults comes first: it saves the machine in the next kernel, for this and later runs');
  const dir = mkdtempSync(join(tmpdir(), 'lab-'));
  trackTemp(dir);
  const { draft } = begun;
  const save = saveWithQemu({ qemu, dir, signal });
  const saving = new Saving(REAL_PARTS, { rungs, operations, draft, save, qemuVersion: build.version });
  try {
    const progress = new Progress();
    // Nobody else sees this run.
    const event = (one: Event) => progress.take(one);
    const streams = { event, console: () => undefined, qmp: () => undefined, agent: () => undefined };
    const own: RunPlan = { ...plan, scenario, dir, memory: null, resumed: null, saver: saving };
    const record = await execute(own, streams, signal, saving.parts);
    const why = progress.problem ?? verdictText(record);
    const climbed = climbOf(await saving.publish(signal), { why, isLate: progress.isLate });
    return { ...climbed, outcome: record.verdict.outcome };
  } finally {
    saving.discard();
    removeTemp(dir);
  }
}

/** What the run says about its rungs. */
class Progress {
  /** Why a rung was not saved. */
  problem: string | null = null;
  /** A rung of the next kernel was saved. */
  isLate = false;

  take(event: Event): void {
    if (event.kind !== 'snapshot') return;
    if (event.state === 'not-saved') this.problem ??= `${event.rung}: ${event.why}`;
    if (event.state === 'saved' && reaches(event.rung, 'kho')) this.isLate = true;
  }
}

function verdictText({ verdict: { outcome, cause } }: RunRecord): string {
  return `the run without the faults ended in ${outcome}${cause === null ? '' : `: ${cause.title}`}`;
}

function climbOf(
  published: Published | null,
  { why, isLate }: { why: string; isLate: boolean },
): Pick<Climb, 'state' | 'why'> {
  if (published === null) return { state: 'failed', why };
  if (published.state === 'failed') return { state: 'failed', why: published.why };
  if (published.state === 'exists' && isLate) return { state: 'untried', why: 'another run uses the saved machine' };
  return { state: 'done', why };
}
