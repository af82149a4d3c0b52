// SPDX-License-Identifier: Apache-2.0
// Boots a kernel on KVM. If it does not come up soon, the same kernel boots under TCG beside it: that shows that the
// kernel is sound, and how much processor time a boot takes on this host. Only then can KVM be blamed.
import type { Accel } from '../../qemu/args.js';
import { messageOf } from '../../util/errors.js';
import { type Boot, bootOnce, type ProbeMachine, WatchedBoot } from './boot.js';
import { judgeFailure, type ProbeAnswer } from './failure.js';

/** Starts a machine that boots one kernel. Rejects with LabError if QEMU does not start. */
export type StartProbe = (accel: Accel) => Promise<ProbeMachine>;

/** Milliseconds of processor time without a sign of progress, before the same boot is tried under TCG. */
const PATIENCE = 5000;
/** KVM gets this many times the processor time of the boot under TCG, without a sign of progress. */
const TIMES = 3;

const WORKS: ProbeAnswer = { verdict: 'works', why: 'a kernel reached user space on KVM' };

export async function probeKvm(start: StartProbe): Promise<ProbeAnswer> {
  const machines: Promise<ProbeMachine>[] = [];
  const open = (accel: Accel): Promise<ProbeMachine> => {
    const machine = start(accel);
    machines.push(machine);
    return machine;
  };
  try {
    return await compare(open);
  } finally {
    for (const starting of machines) {
      const machine = await starting.catch(() => null);
      await machine?.stop();
      machine?.close();
    }
  }
}

async function compare(open: StartProbe): Promise<ProbeAnswer> {
  let kvm: WatchedBoot;
  try {
    kvm = new WatchedBoot(await open('kvm'));
    if ((await kvm.within(PATIENCE)) === 'up') return WORKS;
  } catch (error) {
    return blame(judgeFailure(error), () => soundUnderTcg(open));
  }
  // On a host where emulation is far slower than KVM, KVM comes up first.
  const booting = kvm.within(Infinity);
  const sound = soundUnderTcg(open);
  const first = await Promise.race([settled(booting), sound.then(() => 'compared' as const)]);
  if (first === 'up') return WORKS;
  const control = await sound;
  kvm.budget = control.yardstick === null ? 0 : Math.max(PATIENCE, TIMES * control.yardstick);
  const end = await settled(booting);
  if (end === 'up') return WORKS;
  return blame(end instanceof Failure ? judgeFailure(end.error) : judgeBoot(end, kvm.spent), () => sound);
}

/** A boot that failed, as a value. */
class Failure {
  constructor(readonly error: unknown) {}
}

function settled(boot: Promise<Boot>): Promise<Boot | Failure> {
  return boot.catch((error: unknown) => new Failure(error));
}

interface Control {
  /** Milliseconds of processor time until user space; null if the kernel did not come up. */
  yardstick: number | null;
  why: string;
}

function soundUnderTcg(open: StartProbe): Promise<Control> {
  return bootOnce(() => open('tcg')).then(
    (yardstick) => ({ yardstick, why: '' }),
    (error: unknown) => ({ yardstick: null, why: messageOf(error).split('\n')[0] ?? '' }),
  );
}

/** KVM is to blame only if the kernel comes up without it. What is not KVM's fault needs no comparison. */
async function blame(answer: ProbeAnswer, sound: () => Promise<Control>): Promise<ProbeAnswer> {
  if (answer.verdict === 'unknown') return answer;
  const { yardstick, why } = await sound();
  return yardstick === null
    ? { verdict: 'unknown', why: `the same kernel does not come up under TCG either: ${why}` }
    : answer;
}

function judgeBoot(boot: 'hangs' | 'idle', spent: number): ProbeAnswer {
  const time = `${(spent / 1000).toFixed(1)} s of processor time`;
  return boot === 'hangs'
    ? { verdict: 'refused', why: `a kernel hangs on KVM: no sign of progress in ${time}; under TCG it comes up` }
    : { verdict: 'unknown', why: `a kernel does not come up on KVM, but hardly uses the processor: ${time}` };
}
