// SPDX-License-Identifier: Apache-2.0
// Boots a kernel on KVM. If it does not come up soon, the same kernel boots under TCG: that shows that the kernel is
// sound, and how much processor time a boot takes on this host. Only then can KVM be blamed.
import type { Accel } from '../../qemu/args.js';
import type { Machine } from '../../run/machine/machine.js';
import { LabError, messageOf, NoProgress } from '../../util/errors.js';
import { judgeFailure, type ProbeAnswer } from './failure.js';

export type ProbeMachine = Pick<Machine, 'untilReady' | 'stop' | 'close' | 'ended'> & {
  pulse: Pick<Machine['pulse'], 'lastMark' | 'processor'>;
};

/** Starts a machine that boots one kernel. Rejects with LabError if QEMU does not start. */
export type StartProbe = (accel: Accel) => Promise<ProbeMachine>;

/** Milliseconds of processor time without a sign of progress, before the same boot is tried under TCG. */
const PATIENCE = 3000;
/** KVM gets this many times the processor time of the boot under TCG, without a sign of progress. */
const TIMES = 3;
/** Milliseconds between two looks. */
const ROUND = 1000;
/** A machine that does not use the processor is given up after this many rounds. Nobody can say what holds it up. */
const MAX_IDLE_ROUNDS = 60;
/** It uses the processor if it does so for this share of a round. */
const BUSY = 0.2;
/** Milliseconds without progress for the boot under TCG. Time in which the host does not run it does not count. */
const TCG_DEADLINE = 60_000;

type Boot = 'up' | 'hangs' | 'idle';

export async function probeKvm(start: StartProbe): Promise<ProbeAnswer> {
  const machines: ProbeMachine[] = [];
  const open = async (accel: Accel): Promise<ProbeMachine> => {
    const machine = await start(accel);
    machines.push(machine);
    return machine;
  };
  try {
    return await compare(open);
  } finally {
    for (const machine of machines) {
      await machine.stop();
      machine.close();
    }
  }
}

async function compare(open: StartProbe): Promise<ProbeAnswer> {
  let failed: ProbeAnswer;
  let kvm: Watched | null = null;
  try {
    kvm = new Watched(await open('kvm'));
    if ((await kvm.boot(PATIENCE)) === 'up') return WORKS;
    failed = { verdict: 'refused', why: '' };
  } catch (error) {
    failed = judgeFailure(error);
    kvm = null;
  }
  // What is not the fault of KVM needs no comparison.
  if (failed.verdict === 'unknown') return failed;
  let yardstick: number;
  try {
    yardstick = await bootOnTcg(open);
  } catch (error) {
    return { verdict: 'unknown', why: `the same kernel does not come up under TCG either: ${firstLine(error)}` };
  }
  return kvm === null ? failed : goOn(kvm, Math.max(PATIENCE, TIMES * yardstick));
}

const WORKS: ProbeAnswer = { verdict: 'works', why: 'a kernel reached user space on KVM' };

async function goOn(kvm: Watched, budget: number): Promise<ProbeAnswer> {
  try {
    const boot = await kvm.boot(budget);
    if (boot === 'up') return WORKS;
    const spent = `${(kvm.spent / 1000).toFixed(1)} s of processor time`;
    return boot === 'hangs'
      ? { verdict: 'refused', why: `a kernel hangs on KVM: no sign of progress in ${spent}; under TCG it comes up` }
      : { verdict: 'unknown', why: `a kernel does not come up on KVM, and uses no processor time: ${spent}` };
  } catch (error) {
    return judgeFailure(error);
  }
}

/** @returns milliseconds of processor time */
async function bootOnTcg(open: StartProbe): Promise<number> {
  const machine = await open('tcg');
  await machine.untilReady(0, TCG_DEADLINE);
  const used = machine.pulse.processor();
  await machine.stop();
  if (used === null) throw new LabError('the host does not tell the processor time of a process');
  return used;
}

/** A booting machine, and the processor time since its last progress. */
class Watched {
  private mark: number | null = null;
  private usedAtMark = 0;
  private used = 0;

  constructor(private readonly machine: ProbeMachine) {}

  /** Milliseconds of processor time without progress. */
  get spent(): number {
    return this.used - this.usedAtMark;
  }

  /** @param budget milliseconds of processor time without progress */
  async boot(budget: number): Promise<Boot> {
    for (let idle = 0; idle < MAX_IDLE_ROUNDS;) {
      const before = this.used;
      if (await this.round()) return 'up';
      if (this.spent >= budget) return 'hangs';
      idle = this.used - before < BUSY * ROUND ? idle + 1 : 0;
    }
    return 'idle';
  }

  private async round(): Promise<boolean> {
    try {
      await this.machine.untilReady(0, ROUND);
      return true;
    } catch (error) {
      if (!(error instanceof NoProgress)) throw error;
    }
    const { lastMark, processor } = this.pulse();
    this.used = processor;
    if (lastMark !== this.mark) {
      this.mark = lastMark;
      this.usedAtMark = processor;
    }
    return false;
  }

  private pulse(): { lastMark: number | null; processor: number } {
    const { pulse } = this.machine;
    return { lastMark: pulse.lastMark, processor: pulse.processor() ?? 0 };
  }
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}
