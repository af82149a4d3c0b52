// SPDX-License-Identifier: Apache-2.0
// One run from a plan to a record: start the machine, go through its epochs, judge, and end it, whatever happened.
import { makeRunKey } from '../guest/keys.js';
import { AgentGone } from '../guest/agent.js';
import type { Mismatch } from '../model/component.js';
import type { DowntimeOfResult, GuestOfResult, RecoveryOfResult } from '../model/guest-result.js';
import type { DeviceOfResult, IommuOfResult } from '../model/hardware-result.js';
import type { Incident } from '../model/incident.js';
import type { Step } from '../model/scenario.js';
import type { CaseOfResult } from '../model/selftest.js';
import { startClock, type Clock } from '../util/clock.js';
import { DeadlineError } from '../util/deadline.js';
import { LabError, messageOf } from '../util/errors.js';
import { decide, type Verdict } from '../verdict/verdict.js';
import type { Finding } from '../console/index.js';
import type { RunContext, RunPlan } from './context.js';
import { Deadlines } from './deadlines.js';
import { DowntimeReader } from './downtime.js';
import { objectionOf } from './asked.js';
import { MachineEnded } from './ending.js';
import { holdGuests, letAllGoOn, letGuestsGo } from './guest-hold.js';
import { judgeGuests, judgeKeptGuests } from './guest-judge.js';
import { IommuRecord, iommuResult, judgeIommu } from './iommu-judge.js';
import { judgeOopsed, judgeUpdate, managedPages, recordEnded, type FileRecord, type UpdateRecord } from './judge.js';
import { setAside } from './handover.js';
import { keepMemory } from './keep-memory.js';
import { machineConfig } from './layout.js';
import type { MarkedPages } from './look.js';
import { Machine } from './machine.js';
import { holdAt } from './points.js';
import { recover } from './recover.js';
import { Recorder } from './recorder.js';
import { cameAsExpected } from './expected.js';
import { judgeRefusal, letGo } from './refusal.js';
import { fillReserved } from './reserved.js';
import { makeBackings } from './backing.js';
import { RunState, type StepResult } from './state.js';
import { judgeDevices, judgeKeptDevices } from './device-judge.js';
import { findDevices, lookAtDevices } from './device-look.js';
import { DeviceState } from './device-state.js';
import { isLate, objected, runSteps, type EpochEnd, type IndexedStep } from './steps.js';
import { TraceLog } from './trace.js';
import { followTransfers } from './transfers.js';
import type { RunStreams } from './streams.js';
import { update } from './update.js';
import { openSession, startAgent } from './user-space.js';

export interface RunRecord {
  verdict: Verdict;
  incidents: Incident[];
  droppedIncidents: number;
  updates: UpdateRecord[];
  /** Files of the old kernel after an update that was called off. */
  kept: FileRecord[];
  steps: StepResult[];
  /** Of upstream's own tests. */
  cases: CaseOfResult[];
  /** For what the running kernel's answer called the update off. */
  objected: Mismatch[];
  /** Of devices and the IOMMU, what the next kernel did not take over. */
  hardware: Mismatch[];
  /** What each epoch's kernel said of itself. */
  epochs: { release: string | null; bootId: string | null }[];
  findings: Finding[];
  devices: DeviceOfResult[];
  iommu: IommuOfResult | null;
  guests: GuestOfResult[];
  downtime: DowntimeOfResult[];
  recovery: RecoveryOfResult | null;
  qemu: { version: string; accel: string; commandLine: string };
  /** Milliseconds. */
  durations: Record<string, number>;
  startedAt: Date;
}

/** What one epoch needs to be judged when it ends. */
interface Arrival {
  handedOver: MarkedPages | null;
  managed: number | null;
  /** When the kexec began, milliseconds of the run. */
  kexecAt: number;
}

class Run {
  readonly recorder: Recorder;
  readonly updates: UpdateRecord[] = [];
  readonly kept: FileRecord[] = [];
  readonly devices: DeviceOfResult[] = [];
  readonly guests: GuestOfResult[] = [];
  readonly downtime: DowntimeOfResult[] = [];
  private readonly downtimeReader = new DowntimeReader();
  readonly iommu = new IommuRecord();
  readonly epochs: RunRecord['epochs'] = [];
  readonly state = new RunState();
  machine: Machine | null = null;
  trace: TraceLog | null = null;
  context: RunContext | null = null;
  private arrival: Arrival | null = null;
  private kexecAt = 0;
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
  ) {
    this.recorder = new Recorder(clock, (event) => {
      this.downtimeReader.take(event);
      streams.event(event);
    });
    for (const device of plan.scenario.hardware.devices) this.state.devices.set(device.name, new DeviceState(device));
  }

  async go(): Promise<void> {
    const context = await this.boot();
    await holdAt(context, 'booted');
    const steps = this.plan.scenario.steps.map((step, index) => ({ step, index }));
    for (;;) {
      const { epoch } = this.recorder;
      const mine = steps.filter(({ step }) => step.epoch === epoch);
      this.state.trackedBefore = await setAside(context);
      const last = !mine.some(({ step }) => step.op === 'kexec');
      const end = await this.recorder.task(`steps of epoch ${epoch}`, () => this.steps(context, mine, last && epoch > 0));
      if (end.kind === 'called-off') return this.calledOff(context, end.why, end.rest);
      await this.judge(context, last && this.plan.scenario.recover !== null);
      if (end.kind === 'done') return this.recover(context);
      const kexec = mine.find(({ step }) => step.op === 'kexec') as { step: Step; index: number };
      const strikes = mine.filter(({ step }) => step.op === 'fault' && step.at === 'jump').map(({ step }) => step);
      this.kexecAt = this.clock.now();
      const result = await this.recorder.task(`update ${epoch + 1}`, () => update(context, kexec.step, kexec.index, strikes, mine.filter((_, at) => isLate(mine, at))));
      if (result.kind === 'refused') return this.calledOff(context, result.why, mine.filter(({ index }) => index > kexec.index));
      this.arrival = { handedOver: result.handedOver, managed: await managedPages(context), kexecAt: this.kexecAt };
      this.epochs.push({ release: result.mark.release, bootId: result.mark.bootId });
    }
  }

  /**
   * What the last update brought is judged, and the running kernel asked, before guests are stopped for the next: no guest stands still for the lab's
   * sake, nor for an update that cannot work.
   */
  private async steps(context: RunContext, mine: readonly IndexedStep[], last: boolean): Promise<EpochEnd> {
    const pause = mine.findIndex(({ step }) => step.op === 'guest-pause');
    const asks = this.plan.scenario.policy === 'check' && !mine.slice(pause).some(({ step }) => step.op === 'preserve');
    if (pause < 0 || (this.arrival === null && !asks)) return runSteps(context, mine, last);
    const end = await runSteps(context, mine.slice(0, pause), last);
    if (end.kind !== 'done') return end;
    await this.judge(context, true);
    if (asks && !last) {
      const objection = await objectionOf(context);
      if (objection !== null) return objected(context, objection, []);
      context.state.asked = true;
    }
    return runSteps(context, mine.slice(pause), last);
  }

  async end(): Promise<void> {
    clearTimeout(this.timer);
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
    const machine = (this.machine = await recorder.task('start of the machine', () =>
      Machine.start(machineConfig(plan, key.publicBlob), recorder, streams)));
    // Who aborted in the meantime found no machine to stop.
    this.signal.throwIfAborted();
    const limit = seconds(plan.scenario.timeout);
    if (limit !== null && plan.hold === undefined) this.timer = setTimeout(() => machine.expire(limit), limit);
    const started = this.clock.now();
    const mark = await recorder.task('boot', () => machine.untilReady(0, deadlines.boot)).catch((error: unknown) => {
      // A stock kernel that stands still under KVM alone is KVM's doing on more than one host.
      throw error instanceof DeadlineError && plan.accel === 'kvm'
        ? new LabError(`no kernel comes up on KVM here: ${error.message}`, { detail: this.withConsole(''), hint: 'lab run --accel tcg' }) : error;
    });
    deadlines.measured(this.clock.now() - started);
    recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
    this.epochs.push({ release: mark.release, bootId: mark.bootId });
    const reachable = { machine, deadlines, privateKey: key.privateKey, streams };
    const ssh = await recorder.task('session', () => openSession(reachable, mark)).catch((error: unknown) => {
      // A first kernel that is up but cannot be reached is more likely the lab's network than the kernel.
      throw error instanceof DeadlineError ? new LabError(messageOf(error)) : error;
    });
    const agent = await startAgent(reachable, ssh);
    this.context = { ...reachable, plan, recorder, state, ssh, agent, publicBlob: key.publicBlob, trace: this.trace, loaded: false };
    await findDevices(this.context);
    await fillReserved(this.context);
    if (plan.scenario.recover !== null) this.managedFirst = await managedPages(this.context);
    return this.context;
  }

  /** Where the last update did not end well, the way out that the scenario names is tried. The verdict is what was seen until then. */
  private async recover(context: RunContext): Promise<void> {
    const { recover: how } = this.plan.scenario;
    const last = this.updates.at(-1);
    const verdict = decide(this.recorder.incidents);
    if (how === null || last === undefined || !['corrupt', 'lost', 'leak'].includes(verdict.outcome)) return;
    this.verdict = verdict;
    const guests = this.guests.filter(({ epoch }) => epoch === last.epoch);
    this.recovery = await this.recorder.task(`recovery by ${how}`, () => recover(context, how, { last, guests, managedFirst: this.managedFirst }));
  }

  /** Judges the update that led into this epoch; nothing to judge in the first. @param more guests are to go on after it */
  private async judge(context: RunContext, more = false): Promise<void> {
    const { arrival } = this;
    if (arrival === null) return;
    this.arrival = null;
    const held = await holdGuests(context);
    this.updates.push(await this.recorder.task('oracles', () => judgeUpdate(context, arrival.handedOver, arrival.managed)));
    await this.judgeGuests(context, false);
    if (more) await letGuestsGo(context, held);
    await lookAtDevices(context, 'end');
    await this.judgeHardware(context, arrival.kexecAt, false);
  }

  private async judgeGuests(context: RunContext, ended: boolean): Promise<void> {
    const guests = await judgeGuests(context, this.updates.at(-1)?.files ?? [], ended);
    this.guests.push(...guests);
    const downtime = this.downtimeReader.finish(guests.map(({ name, size, downtime: ms }) => ({ name, size, ms })));
    if (downtime !== null) this.downtime.push(downtime);
  }

  private async judgeHardware(context: RunContext, kexecAt: number, ended: boolean): Promise<void> {
    const devices = judgeDevices(context, ended);
    this.devices.push(...devices);
    await judgeIommu(context, this.iommu, devices, kexecAt, ended);
  }

  private async calledOff(context: RunContext, why: string, rest: readonly IndexedStep[]): Promise<void> {
    await this.judge(context);
    this.kept.push(...(await this.recorder.task('oracles', () => judgeRefusal(context, why))));
    await this.recorder.task('old kernel goes on', async () => {
      await runSteps(context, rest, true);
      await letAllGoOn(context);
      await letGo(context);
      await lookAtDevices(context, 'end');
    });
    this.guests.push(...(await judgeKeptGuests(context)));
    this.devices.push(...judgeKeptDevices(context));
  }

  /** An error out of `go` becomes evidence. Whatever the next kernel left in memory is still looked at. */
  async failed(first: unknown): Promise<void> {
    const { recorder, machine, context } = this;
    await machine?.settle();
    // A channel of the machine often breaks a moment before its end is known: that end is the cause.
    const error: unknown = first instanceof MachineEnded || machine === null ? first : await machine.endedWithin(first instanceof DeadlineError ? 0 : 1000) ?? first;
    if (error instanceof MachineEnded) {
      // Its incident was written down when it happened.
    } else if (error instanceof DeadlineError) {
      recorder.incident({ source: 'deadline', side: 'outside', implies: 'hang', title: `no progress: ${error.what}`, detail: this.withConsole(error.message) });
    } else if (error instanceof AgentGone && this.oopsed()) {
      recorder.incident({ source: 'agent', side: 'inside', implies: null, title: 'the agent is gone after a kernel oops', detail: error.message });
      return this.oopsEnded();
    } else {
      const detail = error instanceof LabError ? [error.detail, error.hint].filter(Boolean).join('\n') : String((error as Error)?.stack ?? error);
      recorder.incident({ source: 'lab', side: 'outside', implies: 'infra', title: messageOf(error), detail });
      return;
    }
    if (context === null) return;
    if (this.state.carried.size > 0) this.updates.push(recordEnded(context, this.arrival?.handedOver ?? null));
    // Without a jump there is nothing to hold devices against.
    if (recorder.epoch > 0) {
      await this.judgeGuests(context, true);
      followTransfers(context);
      await this.judgeHardware(context, this.arrival?.kexecAt ?? this.kexecAt, true);
    }
  }

  /** The kernel goes on after its oops, but what it was about to give back stays where it is: seen from outside. */
  private async oopsEnded(): Promise<void> {
    const { context, recorder } = this;
    if (context !== null && this.state.carried.size > 0) this.updates.push(await judgeOopsed(context, this.arrival?.handedOver ?? null));
    if (recorder.incidents.some(({ implies }) => implies !== null)) return;
    recorder.incident({ source: 'agent', side: 'inside', implies: 'hang', title: 'nothing goes on after a kernel oops', detail: '' });
  }

  private withConsole(text: string): string {
    const tail = this.machine?.consoleTail ?? '';
    return `${text}\n${tail === '' ? 'the console is empty' : `the console's end:\n${tail}`}`;
  }

  private oopsed(): boolean {
    return this.machine?.findings.some(({ severity }) => severity === 'oops' || severity === 'panic') ?? false;
  }
}

/** Where the lab itself failed, the machine's memory tells nothing. */
function keepsMemory({ memory, scenario }: RunPlan, verdict: Verdict, steps: readonly StepResult[]): boolean {
  return memory !== null && verdict.outcome !== 'infra' && (memory.jumps || !cameAsExpected(scenario, verdict, steps));
}

/** Runs a plan. Never rejects for what happens to the machine: that is the record. Rejects when `signal` is aborted. */
export async function execute(plan: RunPlan, streams: RunStreams, signal: AbortSignal): Promise<RunRecord> {
  const run = new Run(plan, streams, startClock(), signal);
  const stopOnAbort = () => void run.machine?.stop();
  signal.addEventListener('abort', stopOnAbort, { once: true });
  try {
    await run.go().catch((error: unknown) => run.failed(error));
    signal.throwIfAborted();
    const verdict = run.verdict ?? decide(run.recorder.incidents);
    const total = run.clock.now();
    if (run.context !== null) await holdAt(run.context, 'verdict', verdict);
    if (keepsMemory(plan, verdict, run.state.results)) await run.keepMemory();
    signal.throwIfAborted();
    return {
      verdict, incidents: run.recorder.incidents, droppedIncidents: run.recorder.dropped, updates: run.updates, kept: run.kept, steps: run.state.results, cases: run.state.cases, objected: run.state.objected, hardware: run.state.hardware,
      devices: run.devices, iommu: run.context === null ? null : iommuResult(run.context, run.iommu),
      guests: run.guests, downtime: run.downtime, recovery: run.recovery,
      epochs: run.epochs, findings: run.machine?.findings ?? [], startedAt: run.clock.startedAt,
      qemu: { version: run.machine?.qemuVersion ?? '', accel: plan.accel, commandLine: run.machine?.commandLine ?? '' },
      durations: { total },
    };
  } finally {
    signal.removeEventListener('abort', stopOnAbort);
    await run.end();
  }
}
