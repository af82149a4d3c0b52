// SPDX-License-Identifier: Apache-2.0
// One run from a plan to a record: start the machine, go through its epochs, judge, and end it, whatever happened.
import { makeRunKey } from '../../guest/keys.js';
import { SshSession } from '../../guest/session.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { RecoveryOfResult } from '../../model/result/guest-result.js';
import { startClock, type Clock } from '../../util/clock.js';
import { ClientGone, LabError, messageOf, NoProgress } from '../../util/errors.js';
import { decide, isGood, type Verdict } from '../../verdict/verdict.js';
import { Witnesses } from '../../verdict/witnesses.js';
import type { RunContext, RunParts, RunPlan } from './context.js';
import { closeAndLook, mayClose } from '../judge/closing.js';
import { Deadlines } from './deadlines.js';
import { objectionOf } from '../update/preflight.js';
import { attemptsOf, isDeclared, type PlannedAttempt } from './attempts.js';
import { iommuResult } from '../devices/iommu-judge.js';
import { managedPages } from '../judge/files.js';
import { setAside } from '../update/handover.js';
import { keepMemory } from '../machine/keep-memory.js';
import { machineConfig } from '../machine/layout.js';
import { Judging } from '../judge/updates.js';
import { type Failure, takeFailure, withConsole } from './failure.js';
import { Machine } from '../machine/machine.js';
import { QEMU_PARTS } from '../machine/parts.js';
import type { EpochRecord, RunRecord } from '../record/record.js';
import { holdAt } from '../steps/breakpoints.js';
import { recover } from '../judge/recovery.js';
import { Recorder } from './recorder.js';
import { cameAsExpected } from './expected.js';
import { memoryNow } from '../judge/free-memory.js';
import { fillReserved } from '../judge/reserved.js';
import { makeBackings } from '../devices/backing.js';
import { RunState, type StepResult } from './state.js';
import { findDevices } from '../devices/inspect.js';
import { DeviceState } from '../devices/state.js';
import { objected, runSteps, type EpochEnd, type IndexedStep } from '../steps/run-steps.js';
import { TaintWatch } from '../taint/watch.js';
import { TraceLog } from '../devices/trace.js';
import type { RunStreams } from './streams.js';
import { update, type Update } from '../update/update.js';
import { weighFor } from '../taint/severity.js';
import { openSession, startAgent } from '../agent/user-space.js';

class Run {
  readonly recorder: Recorder;
  readonly judging = new Judging();
  readonly epochs: EpochRecord[] = [];
  readonly state = new RunState();
  readonly taint: TaintWatch;
  machine: Machine | null = null;
  trace: TraceLog | null = null;
  context: RunContext | null = null;
  /** Decided before a recovery is tried. */
  verdict: Verdict | null = null;
  recovery: RecoveryOfResult | null = null;
  private managedFirst: number | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly plan: RunPlan,
    readonly streams: RunStreams,
    readonly clock: Clock,
    readonly signal: AbortSignal,
    readonly parts: RunParts,
  ) {
    this.recorder = new Recorder(
      clock,
      (event) => {
        this.judging.take(event);
        streams.event(event);
      },
      new Witnesses(plan.scenario.without),
    );
    this.taint = new TaintWatch(plan, this.recorder);
    for (const device of plan.scenario.hardware.devices) this.state.devices.set(device.name, new DeviceState(device));
  }

  async go(): Promise<void> {
    const context = await this.boot();
    await holdAt(context, 'booted');
    const steps = this.plan.scenario.steps.map((step, index) => ({ step, index }));
    while (
      await this.kernel(
        context,
        steps.filter(({ step }) => step.epoch === this.recorder.epoch),
      )
    );
  }

  /** One kernel: its steps, and its attempts to leave. @returns whether the next one is up */
  private async kernel(context: RunContext, mine: readonly IndexedStep[]): Promise<boolean> {
    const { epoch } = this.recorder;
    this.state.setAsideBefore = await setAside(context);
    const attempts = attemptsOf(mine);
    const last = attempts.every(({ kexec }) => kexec === null);
    for (const [at, attempt] of attempts.entries()) {
      const rest = attempts.slice(at + 1).flatMap(({ steps }) => steps);
      const end = await this.recorder.task(`steps of epoch ${epoch}`, () =>
        this.steps(context, attempt.steps, last && epoch > 0),
      );
      if (end.kind === 'called-off') {
        await this.judging.calledOff(context, end.why, end.rest === null ? [] : [...end.rest, ...rest]);
        return false;
      }
      await this.judging.judge(context, last && this.plan.scenario.recover !== null ? 'guests-go-on' : 'guests-stay');
      if (attempt.kexec === null) {
        await this.close(context);
        await this.recover(context);
        return false;
      }
      const result = await this.attempt(context, attempt, attempt.kexec);
      if (result.kind === 'jumped') return true;
      if (!isDeclared(attempt.kexec, result.errno) || !rest.some(({ step }) => step.op === 'kexec')) {
        await this.judging.calledOff(context, result.why, rest);
        return false;
      }
      // The scenario says so, and will try again.
      await this.judging.refused(context, result.why);
    }
    return false;
  }

  private async attempt(
    context: RunContext,
    { jumpFaults, transfers }: PlannedAttempt,
    kexec: IndexedStep,
  ): Promise<Update> {
    this.judging.leaves(context);
    const result = await this.recorder.task(`update ${this.recorder.epoch + 1}`, () =>
      update(context, kexec.step, kexec.index, jumpFaults, transfers),
    );
    if (result.kind === 'jumped') {
      this.recorder.overtake(this.recorder.epoch - 1);
      this.isTheOneLoaded(result.mark.release);
      this.judging.arrived({
        handedOver: result.handedOver,
        managed: await managedPages(context),
        memory: await memoryNow(context),
      });
      this.epochs.push({ release: result.mark.release, bootId: result.mark.bootId });
    }
    return result;
  }

  /** The update that was asked for is one into this kernel: another one that comes up is a way out by a reboot. */
  private isTheOneLoaded(running: string | null): void {
    const loaded = this.plan.kernels[this.recorder.epoch];
    if (loaded?.release == null || running === null || running === loaded.release) return;
    this.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: 'reboot',
      title: 'another kernel came up than the one that was loaded',
      detail: `${loaded.name} is ${loaded.release}; what runs says that it is ${running}`,
    });
  }

  /**
   * What the last update brought is judged, and the running kernel asked, before guests are stopped for the next: no
   * guest stands still for the lab's sake, nor for an update that cannot work.
   */
  private async steps(context: RunContext, mine: readonly IndexedStep[], last: boolean): Promise<EpochEnd> {
    const pause = mine.findIndex(({ step }) => step.op === 'guest-pause');
    const asks = this.plan.scenario.policy === 'check' && !mine.slice(pause).some(({ step }) => step.op === 'preserve');
    // What is asked for after that is part of the judgement.
    const early = !mine
      .slice(pause)
      .some(
        ({ step }) =>
          step.op === 'retrieve' ||
          step.op === 'retrieve-session' ||
          step.op === 'device-retrieve' ||
          step.op === 'guest-restore',
      );
    if (pause < 0 || !early || (!this.judging.pending && !asks)) return runSteps(context, mine, last);
    const end = await runSteps(context, mine.slice(0, pause), last);
    if (end.kind !== 'done') return end;
    await this.judging.judge(context, 'guests-go-on');
    if (asks && !last) {
      const objection = await objectionOf(context);
      if (objection !== null) return objected(context, objection, []);
      context.state.asked = true;
    }
    return runSteps(context, mine.slice(pause), last);
  }

  /**
   * Nothing that came back is needed any more: what the kernel does with it then is part of the verdict. What is broken
   * already is left as it is.
   */
  private async close(context: RunContext): Promise<void> {
    // A way out is measured by what leaked, so that is left as it is.
    const fine: readonly Outcome[] =
      this.plan.scenario.recover === null ? ['preserved', 'leak', 'tainted'] : ['preserved', 'tainted'];
    if (!mayClose(context) || !fine.includes(decide(this.recorder.incidents).outcome)) return;
    const arrival = this.judging.ledger.entries.at(-1)?.arrival ?? null;
    await this.recorder.task('everything is closed', () => closeAndLook(context, arrival));
  }

  /** The verdict on all that was seen. That all is well is said only where every witness that it needs looked. */
  conclude(): Verdict {
    const { recorder } = this;
    // One that did not come to life has no memory yet.
    if (this.machine?.memory !== undefined) {
      this.machine.readConsole();
      this.taint.conclude(this.machine);
    }
    if (isGood(decide(recorder.incidents).outcome)) {
      for (const { witness, epoch, why, hint } of recorder.witnesses.missing()) {
        const detail = [why, hint, `--without ${witness} does without it`].filter((line) => line !== null).join('\n');
        recorder.incident({
          source: 'lab',
          side: 'outside',
          implies: 'infra',
          title: `the witness "${witness}" was blind`,
          detail,
          epoch,
        });
      }
    }
    return decide(recorder.incidents);
  }

  async end(): Promise<void> {
    clearTimeout(this.timer);
    this.taint.stays();
    this.context?.agent.drop();
    this.context?.ssh.close();
    await this.machine?.stop();
    this.trace?.stop();
    this.machine?.close();
  }

  /** The machine ends, and what is in its memory is kept. */
  async keepMemory(): Promise<void> {
    const { plan, machine, context } = this;
    // One that did not come to life has no memory yet.
    if (plan.memory === null || machine?.memory === undefined) return;
    context?.agent.drop();
    context?.ssh.close();
    await machine.stop();
    await keepMemory(plan.memory, machine, this.recorder, this.state.handover?.root ?? null);
  }

  private async boot(): Promise<RunContext> {
    const { plan, recorder, streams, state } = this;
    const key = makeRunKey();
    const seconds = (value: number | null) => (value === null ? null : value * 1000);
    const deadlines = new Deadlines(seconds(plan.scenario.deadline), plan.patient);
    makeBackings(plan.scenario.hardware, plan.dir);
    this.trace = plan.deviceLooks ? TraceLog.follow(plan.scenario.hardware, plan.dir, recorder) : null;
    const weigh = weighFor(plan.scenario, state.devices);
    const machine = (this.machine = await recorder.task('start of the machine', () =>
      Machine.start(
        machineConfig(plan, key.publicBlob),
        recorder,
        streams,
        (finding) => weigh(this.taint.weigh(finding)),
        this.parts.machine,
      ),
    ));
    // Who aborted in the meantime found no machine to stop.
    this.signal.throwIfAborted();
    const limit = seconds(plan.scenario.timeout);
    if (limit !== null && plan.hold === undefined) this.timer = setTimeout(() => machine.expire(limit), limit);
    const [started, heldBefore] = [this.clock.now(), machine.pulse.held()];
    const mark = await recorder
      .task('boot', () => machine.untilReady(0, deadlines.boot))
      .catch((error: unknown) => {
        // A stock kernel that stands still under KVM alone is KVM's doing on more than one host.
        throw error instanceof NoProgress && plan.accel === 'kvm'
          ? new LabError(`no kernel comes up on KVM here: ${error.message}`, {
              detail: withConsole('', machine.consoleTail),
              hint: 'lab run --accel tcg',
            })
          : error;
      });
    deadlines.measured(this.clock.now() - started - (machine.pulse.held() - heldBefore));
    recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
    this.epochs.push({ release: mark.release, bootId: mark.bootId });
    await this.taint.arrived(machine);
    const reachable = { machine, deadlines, privateKey: key.privateKey, streams, connect: this.parts.connect };
    // A first kernel that is up but cannot be reached is more likely the lab's network than the kernel.
    const unreachable = (error: unknown): never => {
      throw error instanceof NoProgress || error instanceof ClientGone
        ? new LabError(messageOf(error), { detail: withConsole('', machine.consoleTail) })
        : error;
    };
    const ssh = await recorder.task('session', () => openSession(reachable, mark)).catch(unreachable);
    const agent = await startAgent(reachable, ssh).catch((error: unknown) => {
      // Nothing else knows of it yet.
      ssh.close();
      return unreachable(error);
    });
    this.context = {
      ...reachable,
      plan,
      recorder,
      state,
      ssh,
      agent,
      publicBlob: key.publicBlob,
      trace: this.trace,
      taint: this.taint,
      loaded: false,
    };
    await findDevices(this.context);
    await fillReserved(this.context);
    if (plan.scenario.recover !== null) this.managedFirst = await managedPages(this.context);
    return this.context;
  }

  /**
   * Where the last update did not end well, the way out that the scenario names is tried. The verdict is what was seen
   * until then.
   */
  private async recover(context: RunContext): Promise<void> {
    const { recover: how } = this.plan.scenario;
    const last = this.judging.ledger.updates.at(-1);
    const verdict = this.conclude();
    if (how === null || last === undefined || !['corrupt', 'lost', 'leak'].includes(verdict.outcome)) return;
    this.verdict = verdict;
    const guests = this.judging.guests.filter(({ epoch }) => epoch === last.epoch);
    this.recovery = await this.recorder.task(`recovery by ${how}`, () =>
      recover(context, how, { last, guests, managedFirst: this.managedFirst }),
    );
  }

  /** An error out of `go` becomes evidence, and what is left of the machine is judged. */
  async failed(error: unknown): Promise<void> {
    const { recorder, machine, judging } = this;
    const failed = { machine, recorder, state: this.context?.state ?? null, image: null, dir: this.plan.dir };
    const failure = await takeFailure(error, { ...failed, image: this.plan.kernels[recorder.epoch] ?? null });
    // What fails while the rest is judged is a failure of its own: the run keeps its record.
    await this.judgeRest(failure)
      .catch(async (second: unknown) => this.judgeRest(await takeFailure(second, failed)))
      .catch((third: unknown) => takeFailure(third, { ...failed, machine: null }));
    judging.abandon();
  }

  private async judgeRest(failure: Failure): Promise<void> {
    const { context, judging } = this;
    if (context === null || failure === 'lab') return;
    return failure === 'ended' ? judging.ended(context) : judging.clientGone(context);
  }
}

/** Where the lab itself failed, the machine's memory tells nothing. */
function keepsMemory({ memory, scenario }: RunPlan, verdict: Verdict, steps: readonly StepResult[]): boolean {
  return memory !== null && verdict.outcome !== 'infra' && (memory.jumps || !cameAsExpected(scenario, verdict, steps));
}

const REAL_PARTS: RunParts = { machine: QEMU_PARTS, connect: (target) => SshSession.open(target) };

/** Runs a plan. Never rejects for what happens to the machine: that is the record. Rejects when `signal` is aborted. */
export async function execute(
  plan: RunPlan,
  streams: RunStreams,
  signal: AbortSignal,
  parts: RunParts = REAL_PARTS,
): Promise<RunRecord> {
  const run = new Run(plan, streams, startClock(), signal, parts);
  const { judging } = run;
  const stopOnAbort = () => void run.machine?.stop();
  signal.addEventListener('abort', stopOnAbort, { once: true });
  try {
    await run.go().catch((error: unknown) => run.failed(error));
    signal.throwIfAborted();
    const verdict = run.verdict ?? run.conclude();
    const total = run.clock.now();
    if (run.context !== null) await holdAt(run.context, 'verdict', verdict);
    if (keepsMemory(plan, verdict, run.state.results)) await run.keepMemory();
    signal.throwIfAborted();
    return {
      verdict,
      incidents: run.recorder.incidents,
      droppedIncidents: run.recorder.dropped,
      updates: judging.ledger.updates,
      attempts: judging.ledger.entries.map((entry) => entry.result()),
      kept: judging.ledger.entries.flatMap(({ kept, leaving: { epoch } }) => kept.map((file) => ({ epoch, file }))),
      steps: run.state.results,
      cases: run.state.cases,
      objected: run.state.objected,
      hardware: run.state.hardware,
      devices: judging.devices,
      iommu: run.context === null ? null : iommuResult(run.context, judging.iommu),
      guests: judging.guests,
      downtime: judging.downtime,
      recovery: run.recovery,
      witnesses: run.recorder.witnesses.report(),
      taint: run.taint.result(),
      epochs: run.epochs,
      findings: run.machine?.findings ?? [],
      startedAt: run.clock.startedAt,
      qemu: { version: run.machine?.qemuVersion ?? '', accel: plan.accel, commandLine: run.machine?.commandLine ?? '' },
      durations: { total },
    };
  } finally {
    signal.removeEventListener('abort', stopOnAbort);
    await run.end();
  }
}
