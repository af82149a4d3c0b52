// SPDX-License-Identifier: Apache-2.0
// One run, from a plan to a record: boots the machine, goes through the epochs, judges, and always ends the machine.
import { SocketPort } from '../../guest/port.js';
import { SshSession } from '../../guest/session.js';
import { startClock } from '../../util/clock.js';
import { messageOf } from '../../util/errors.js';
import type { Verdict } from '../../verdict/verdict.js';
import { iommuResult } from '../devices/iommu/result.js';
import { QEMU_PARTS, type RunParts } from '../machine/parts.js';
import type { RunRecord } from '../record/record.js';
import type { StepResult } from '../state/step-result.js';
import { Epochs } from './epochs.js';
import { cameAsExpected } from './expected.js';
import type { RunPlan } from './plan.js';
import { Run } from './run.js';
import type { RunStreams } from './streams.js';

/** QEMU, and the ways to it. */
export const REAL_PARTS: RunParts = {
  machine: QEMU_PARTS,
  openPort: (path) => new SocketPort(path),
  connect: (target) => SshSession.open(target),
};

/** Runs a plan. What happens to the machine never rejects: the record says it. Rejects when `signal` is aborted. */
export async function execute(
  plan: RunPlan,
  streams: RunStreams,
  signal: AbortSignal,
  parts: RunParts = REAL_PARTS,
): Promise<RunRecord> {
  const run = new Run(plan, streams, startClock(), parts);
  try {
    await go(run, signal).catch((error: unknown) => {
      // An aborted run has no verdict, so nothing waits for more evidence.
      signal.throwIfAborted();
      return run.failed(error);
    });
    signal.throwIfAborted();
    const verdict = run.verdict ?? run.conclude();
    const total = run.clock.now();
    await run.parts?.breakpoints.pauseAt('verdict', verdict);
    if (keepsMemory(plan, verdict, run.state.results)) await run.keepMemory();
    signal.throwIfAborted();
    return recordOf(run, verdict, total);
  } finally {
    await tearDown(run);
  }
}

/** An error of the tear-down is told, and takes the place of neither the verdict nor the error that ended the run. */
async function tearDown(run: Run): Promise<void> {
  try {
    await run.tearDown.disposeAsync();
  } catch (error) {
    for (const one of allErrors(error))
      run.recorder.event({ kind: 'note', text: `the tear-down failed: ${messageOf(one)}` });
  }
}

/** Every part of a tear-down is tried, so there may be several errors, each wrapped around the one before. */
function allErrors(error: unknown): unknown[] {
  return error instanceof SuppressedError ? [...allErrors(error.suppressed), ...allErrors(error.error)] : [error];
}

async function go(run: Run, signal: AbortSignal): Promise<void> {
  const { parts, judge } = await run.boot(signal);
  await new Epochs(run, parts, judge).go();
}

/** After a failure of the lab itself, the machine's memory shows nothing. */
function keepsMemory({ memory, scenario }: RunPlan, verdict: Verdict, steps: readonly StepResult[]): boolean {
  return memory !== null && verdict.outcome !== 'infra' && (memory.jumps || !cameAsExpected(scenario, verdict, steps));
}

function recordOf(run: Run, verdict: Verdict, total: number): RunRecord {
  const { judgements, recorder, state, machine, plan, clock } = run;
  const { entries, updates } = judgements.ledger;
  return {
    verdict,
    incidents: recorder.incidents,
    droppedIncidents: recorder.dropped,
    updates,
    attempts: entries.map((entry) => entry.result()),
    kept: entries.flatMap(({ kept, leaving: { epoch } }) => kept.map((file) => ({ epoch, file }))),
    steps: state.results,
    cases: state.cases,
    objected: state.objected,
    hardware: state.hardware,
    devices: judgements.devices,
    iommu: run.parts === null ? null : iommuResult(run.parts, judgements.iommu),
    guests: judgements.guests,
    downtime: judgements.downtime,
    recovery: run.recovery,
    witnesses: recorder.witnesses.report(),
    taint: run.taint.result(),
    epochs: run.kernels,
    findings: machine?.findings ?? [],
    startedAt: clock.startedAt,
    qemu: {
      version: machine?.qemuVersion ?? '',
      accel: plan.accel,
      commandLine: machine?.commandLine ?? '',
      sandbox: machine?.sandbox ?? null,
    },
    durations: { total },
    loopDelay: run.loop.delay(),
  };
}
