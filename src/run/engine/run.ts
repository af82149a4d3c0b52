// SPDX-License-Identifier: Apache-2.0
// A run in progress: boots the machine, holds everything known about the run, and turns an error into evidence.
import { join } from 'node:path';
import type { RecoveryOfResult } from '../../model/result/guest-result.js';
import { agentSocket } from '../../qemu/args.js';
import type { Clock } from '../../util/clock.js';
import { measureLoop } from '../../util/loop/meter.js';
import { ClientGone, LabError, messageOf, NoProgress } from '../../util/errors.js';
import { decide, isGood, type Verdict } from '../../verdict/verdict.js';
import { Witnesses } from '../../verdict/witnesses.js';
import { freshRenewal, type Renewal } from '../agent/renewal.js';
import { UserSpace } from '../agent/user-space.js';
import { makeBackings } from '../devices/backing.js';
import { findDevices } from '../devices/inspect.js';
import { TraceLog } from '../devices/trace.js';
import { Judgements } from '../judge/judgements.js';
import { fillReserved } from '../judge/reserved.js';
import { UpdateJudge } from '../judge/updates.js';
import { machineConfig, sshAgentPort } from '../machine/layout.js';
import { Machine } from '../machine/machine.js';
import type { RunParts } from '../machine/parts.js';
import type { ReadyMark } from '../machine/ready-marks.js';
import { LiveView } from '../machine/view.js';
import type { EpochRecord } from '../record/record.js';
import { DeviceState } from '../state/device.js';
import { RunState } from '../state/run-state.js';
import { Breakpoints } from '../steps/breakpoints.js';
import { implicationFilter } from '../taint/severity.js';
import { hostKind } from '../../qemu/host-time.js';
import { TaintWatch } from '../taint/watch.js';
import { keepMemory } from '../update/keep-memory.js';
import { Deadlines } from './deadlines.js';
import { type Failure, takeFailure, withConsole } from './failure.js';
import { recordLastRegisters } from './last-registers.js';
import type { Parts } from './parts.js';
import { reportUnknown } from '../kernel/unknown.js';
import { livePlan, type LivePlan, type RunPlan } from './plan.js';
import { Recorder } from './recorder.js';
import { isLiveAfter, saveRung } from './rungs.js';
import type { RunStreams } from './streams.js';

export class Run {
  readonly recorder: Recorder;
  readonly judgements = new Judgements();
  /** What each kernel said about itself. */
  readonly kernels: EpochRecord[] = [];
  readonly state = new RunState();
  readonly taint: TaintWatch;
  /** Each part registers its own end as soon as it is there; the last one ends first. */
  readonly tearDown = new AsyncDisposableStack();
  readonly loop = measureLoop();
  machine: Machine | null = null;
  /** Null until the lab has reached the first kernel's user space. */
  parts: Parts | null = null;
  /** Set only if a recovery was tried: the verdict from before it. */
  verdict: Verdict | null = null;
  recovery: RecoveryOfResult | null = null;
  private judge: UpdateJudge | null = null;

  constructor(
    readonly plan: RunPlan,
    private readonly streams: RunStreams,
    readonly clock: Clock,
    private readonly reach: RunParts,
  ) {
    const sink: RunStreams['event'] = (event) => {
      this.judgements.take(event);
      streams.event(event);
    };
    this.tearDown.defer(() => this.loop.stop());
    this.recorder = new Recorder(clock, sink, new Witnesses(plan.scenario.without));
    this.taint = new TaintWatch(plan, this.recorder, hostKind());
    for (const device of plan.scenario.hardware.devices) this.state.devices.set(device.name, new DeviceState(device));
  }

  /** Boots the first kernel and reaches its user space. */
  async boot(signal: AbortSignal): Promise<{ parts: Parts; judge: UpdateJudge }> {
    const { recorder, state, taint, tearDown } = this;
    const plan = livePlan(this.plan);
    if (plan.resumed !== null) {
      const { rung, key, savedAt } = plan.resumed;
      recorder.event({ kind: 'snapshot', state: 'resumed', rung, key, savedAt });
    }
    reportUnknown({ plan, recorder });
    const { deadline, timeout, hardware } = plan.scenario;
    const deadlines = new Deadlines(milliseconds(deadline), { never: plan.noDeadlines === true });
    makeBackings(hardware, plan.dir);
    const trace = plan.deviceLooks ? TraceLog.follow(hardware, plan.dir, recorder) : null;
    tearDown.defer(() => trace?.stop());
    const machine = await this.startMachine(plan, signal);
    const limit = milliseconds(timeout);
    if (limit !== null && plan.onBreakpoint === undefined) {
      const timer = setTimeout(() => machine.expire(limit), limit);
      tearDown.defer(() => clearTimeout(timer));
    }
    const mark = await this.bootFirst(machine, deadlines);
    await saveRung({ plan, recorder, machine }, 'booted');
    await taint.arrived(machine);
    const user = await this.reachUser(machine, mark, deadlines);
    const parts: Parts = {
      plan,
      recorder,
      state,
      deadlines,
      agents: user,
      user,
      view: new LiveView(machine, plan, recorder, state, signal),
      machine,
      breakpoints: new Breakpoints(plan, machine, user, recorder),
      trace,
      taint,
    };
    this.parts = parts;
    this.judge = new UpdateJudge(parts, this.judgements);
    await findDevices(parts);
    await fillReserved(parts);
    return { parts, judge: this.judge };
  }

  private async startMachine(plan: LivePlan, signal: AbortSignal): Promise<Machine> {
    const { recorder, streams, state, taint, tearDown } = this;
    const implies = implicationFilter(plan.scenario, state.devices);
    const machine = await recorder.task('start of the machine', () =>
      Machine.start(
        machineConfig(plan),
        recorder,
        streams,
        (finding) => implies(taint.implication(finding)),
        this.reach.machine,
      ),
    );
    this.machine = machine;
    tearDown.defer(async () => {
      await machine.stop();
      machine.close();
    });
    tearDown.defer(() => taint.stays());
    const stop = () => void machine.stop();
    signal.addEventListener('abort', stop, { once: true });
    tearDown.defer(() => signal.removeEventListener('abort', stop));
    // An abort before this found no machine to stop.
    signal.throwIfAborted();
    return machine;
  }

  private async bootFirst(machine: Machine, deadlines: Deadlines): Promise<ReadyMark> {
    const { recorder, clock } = this;
    const [started, heldBefore] = [clock.now(), machine.pulse.held()];
    const mark = await recorder
      .task('boot', () => machine.untilReady(0, deadlines.boot))
      .catch((error: unknown) => {
        // On some hosts KVM itself makes a stock kernel hang: a first boot that hangs there proves nothing against the
        // kernel.
        throw error instanceof NoProgress && this.plan.accel === 'kvm'
          ? new LabError(`no kernel comes up on KVM here: ${error.message}`, {
              detail: withConsole('', machine.consoleTail),
              hint: 'lab run --accel tcg',
            })
          : error;
      });
    const { resumed, saver } = this.plan;
    const ms = resumed?.bootMs ?? clock.now() - started - (machine.pulse.held() - heldBefore);
    deadlines.measured(ms);
    saver?.booted(ms);
    recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
    this.kernels.push({ release: mark.release, bootId: mark.bootId });
    return mark;
  }

  private async reachUser(machine: Machine, mark: ReadyMark, deadlines: Deadlines): Promise<UserSpace> {
    const { streams, state, tearDown, reach } = this;
    const { connect } = reach;
    const openPort = (number: number) => reach.openPort(join(this.plan.dir, agentSocket(number)));
    const user = new UserSpace(
      {
        machine,
        deadlines,
        streams,
        connect,
        openPort,
        sshAgent: sshAgentPort(this.plan),
        renew: () => this.renewal(),
      },
      state.holders,
    );
    tearDown.defer(() => user.disconnect());
    tearDown.defer(() => user.dropFirst());
    // QEMU ends first: the machine would start new agents for those that lose their channel.
    tearDown.defer(() => machine.stop());
    // If the first kernel is up but its agent cannot be reached, the lab is more likely at fault than the kernel.
    const unreachable = (error: unknown): never => {
      throw error instanceof NoProgress || error instanceof ClientGone
        ? new LabError(messageOf(error), { detail: withConsole('', machine.consoleTail) })
        : error;
    };
    user.meet(mark);
    await this.recorder.task('agent', () => user.startFirst()).catch(unreachable);
    return user;
  }

  /** What makes the running kernel differ from others that were resumed; null if it was not. */
  private renewal(): Renewal | null {
    const { scenario, resumed } = this.plan;
    // A machine with a seed is to be the same each time.
    if (scenario.machine.seed !== undefined) return null;
    return isLiveAfter(resumed, this.recorder.epoch) ? freshRenewal() : null;
  }

  /** The verdict on everything that was seen. A good verdict needs every required witness to have looked. */
  conclude(): Verdict {
    const { recorder } = this;
    // A machine that did not start has no memory yet.
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

  /** Ends the machine and keeps the content of its memory. */
  async keepMemory(): Promise<void> {
    const { plan, machine, parts } = this;
    // A machine that did not start has no memory yet.
    if (plan.memory === null || machine?.memory === undefined) return;
    parts?.user.dropFirst();
    parts?.user.disconnect();
    machine.memory.outlive();
    await machine.stop();
    await keepMemory(plan.memory, machine, this.recorder, this.state.handover?.root ?? null);
  }

  /** Turns the error that ended the run into evidence, and judges what is left of the machine. */
  async failed(error: unknown): Promise<void> {
    const { recorder, machine, judgements } = this;
    const state = this.parts === null ? null : this.state;
    const failed = { machine, recorder, state, image: null, dir: this.plan.dir };
    const image = this.plan.kernels[recorder.epoch] ?? null;
    const failure = await takeFailure(error, { ...failed, image });
    if (machine !== null && failure === 'ended') await recordLastRegisters(machine, recorder, image);
    // If judging the rest fails too, that is one more failure: the run keeps its record.
    await this.judgeRest(failure)
      .catch(async (second: unknown) => this.judgeRest(await takeFailure(second, failed)))
      .catch((third: unknown) => takeFailure(third, { ...failed, machine: null }));
    judgements.abandon();
  }

  private async judgeRest(failure: Failure): Promise<void> {
    if (this.judge === null || failure === 'lab') return;
    return failure === 'ended' ? this.judge.ended() : this.judge.clientGone();
  }
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
