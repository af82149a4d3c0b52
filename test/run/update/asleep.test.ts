// SPDX-License-Identifier: Apache-2.0
// Processors that are not asleep when the old kernel jumps.
import { expect, it } from 'vitest';
import { letOthersSleep } from '../../../src/run/update/asleep.js';
import { fakeRecorder } from '../../fakes/parts.js';

const JUMP = 0xffff_ffff_8109_e880n;
const STOPPING = 0xffff_ffff_8108_3ebfn;

interface Vcpu {
  rip: bigint;
  /** Turns that it needs until it sleeps. */
  turns: number;
}

async function jump(vcpus: readonly Vcpu[]) {
  const { recorder, events } = fakeRecorder();
  const left = vcpus.map(({ turns }) => turns);
  const ran: number[] = [];
  const machine = {
    human: async () =>
      vcpus
        .map(
          ({ rip }, index) =>
            `CPU#${index}\nRIP=${rip.toString(16)} RFL=00000046 CPL=0 HLT=${(left[index] ?? 0) > 0 ? 0 : 1}\n`,
        )
        .join('\n'),
  };
  const runAlone = async (vcpu: number) => {
    ran.push(vcpu);
    left[vcpu] = (left[vcpu] ?? 0) - 1;
  };
  await letOthersSleep({ machine, recorder }, { runAlone }, JUMP);
  return { ran, notes: events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])) };
}

const jumping: Vcpu = { rip: JUMP, turns: Infinity };

it('that sleep are left alone', async () => {
  expect(await jump([jumping, { rip: STOPPING, turns: 0 }])).toEqual({ ran: [], notes: [] });
});

it('that were held before their last instructions are let run, and nobody else', async () => {
  expect(await jump([{ rip: STOPPING, turns: 2 }, jumping, { rip: STOPPING, turns: 0 }])).toEqual({
    ran: [0, 0],
    notes: ['CPU 0 still ran at the jump, at 0xffffffff81083ebf, and was let stop first'],
  });
});

it('that never sleep do not hold the machine for ever', async () => {
  const { ran, notes } = await jump([jumping, { rip: STOPPING, turns: Infinity }]);
  expect([ran.length, notes]).toEqual([20, ['CPU 1 still ran at the jump, at 0xffffffff81083ebf, and does not stop']]);
});

it('are none of this where no processor stands at the jump', async () => {
  expect((await jump([{ rip: STOPPING, turns: 1 }])).ran).toEqual([]);
});
