// SPDX-License-Identifier: Apache-2.0
// The probe of KVM with machines that need a given processor time, hang, panic, or stand still.
import { expect, it } from 'vitest';
import type { ProbeMachine } from '../../../src/host/kvm/boot.js';
import { probeKvm } from '../../../src/host/kvm/probe.js';
import type { Accel } from '../../../src/qemu/args.js';
import { MachineEnded } from '../../../src/run/machine/ending.js';
import { LabError, NoProgress } from '../../../src/util/errors.js';

interface Behaviour {
  /** Milliseconds of processor time until it is up; null: never. */
  up: number | null;
  /** Processor time that it gets in a round of a second. */
  pace?: number;
  /** It shows progress in each round until this processor time. */
  progressUntil?: number;
  endsWith?: Error;
}

class FakeMachine implements ProbeMachine {
  stops = 0;
  private used = 0;
  private mark: number | null = null;

  constructor(private readonly how: Behaviour) {}

  get pulse(): ProbeMachine['pulse'] {
    return { lastMark: this.mark, processor: () => this.used };
  }

  untilReady(_epoch: number, ms: number): ReturnType<ProbeMachine['untilReady']> {
    const { up, pace = 1000, progressUntil = 0, endsWith } = this.how;
    if (endsWith !== undefined) return Promise.reject(endsWith);
    const gets = (ms / 1000) * pace;
    if (up !== null && this.used + gets >= up) {
      this.used = up;
      return Promise.resolve({ epoch: 0, bootId: 'b', release: 'r' });
    }
    this.used += gets;
    if (this.used <= progressUntil) this.mark = this.used;
    return Promise.reject(new NoProgress('readiness mark of epoch 0', ms));
  }

  stop(): Promise<void> {
    this.stops++;
    return Promise.resolve();
  }

  close(): void {
    this.stops++;
  }
}

const SOUND: Behaviour = { up: 1500 };

async function probe(
  kvm: Behaviour | Error,
  tcg: Behaviour = SOUND,
): Promise<{ verdict: string; why: string; started: Accel[] }> {
  const started: Accel[] = [];
  const machines: FakeMachine[] = [];
  const answer = await probeKvm((accel) => {
    started.push(accel);
    const how = accel === 'kvm' ? kvm : tcg;
    if (how instanceof Error) return Promise.reject(how);
    const machine = new FakeMachine(how);
    machines.push(machine);
    return Promise.resolve(machine);
  });
  // Each machine is ended and closed.
  for (const machine of machines) expect(machine.stops).toBeGreaterThanOrEqual(2);
  return { ...answer, started };
}

it('a kernel that comes up at once needs no comparison', async () => {
  expect(await probe({ up: 700 })).toMatchObject({ verdict: 'works', started: ['kvm'] });
});

it('a kernel that takes long, but shows progress, is not compared', async () => {
  expect(await probe({ up: 40_000, progressUntil: 39_000 })).toMatchObject({ verdict: 'works', started: ['kvm'] });
});

it('on a slow host, KVM gets three times the processor time of the boot under TCG', async () => {
  expect(await probe({ up: 80_000 }, { up: 30_000 })).toMatchObject({ verdict: 'works', started: ['kvm', 'tcg'] });
  expect(await probe({ up: 100_000 }, { up: 30_000 })).toMatchObject({ verdict: 'refused' });
});

it('where emulation is far slower, KVM comes up while the boot under TCG goes on', async () => {
  expect(await probe({ up: 9000 }, { up: null })).toMatchObject({ verdict: 'works', started: ['kvm', 'tcg'] });
});

it('a kernel that hangs and uses the processor is a refusal', async () => {
  expect(await probe({ up: null })).toMatchObject({
    verdict: 'refused',
    why: expect.stringMatching(
      /^a kernel hangs on KVM: no sign of progress in \d+\.\d s of processor time; under TCG/,
    ) as string,
  });
});

it('a kernel that hangs after its first lines is a refusal', async () => {
  expect((await probe({ up: null, progressUntil: 2000 })).verdict).toBe('refused');
});

it('a busy host, which hardly runs the machine, is no refusal', async () => {
  expect((await probe({ up: null, pace: 20 })).verdict).toBe('unknown');
});

it('a kernel that does not come up under TCG either says nothing about KVM', async () => {
  const panic = new MachineEnded({ kind: 'panic', title: 'a kernel panicked', implies: 'panic' });
  expect(await probe({ up: null, endsWith: panic }, { up: null, endsWith: panic })).toMatchObject({
    verdict: 'unknown',
    why: 'the same kernel does not come up under TCG either: a kernel panicked',
  });
});

it('a kernel that panics on KVM alone is a refusal', async () => {
  const endsWith = new MachineEnded({ kind: 'panic', title: 'a kernel panicked', implies: 'panic' });
  expect(await probe({ up: null, endsWith })).toMatchObject({ verdict: 'refused', started: ['kvm', 'tcg'] });
});

it('a QEMU that was killed says nothing, and needs no comparison', async () => {
  const killed = new LabError('QEMU ended on its own (SIGKILL)');
  expect(await probe(killed)).toMatchObject({ verdict: 'unknown', started: ['kvm'] });
});
