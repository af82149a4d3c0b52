// SPDX-License-Identifier: Apache-2.0
// A processor that the emulator forgot, and those that only look so.
import { expect, it } from 'vitest';
import { lookAtStandstill } from '../../../src/run/machine/standstill.js';

const vcpu = (halted: boolean, interrupts: boolean, rip = 'ffffffff814fb113') =>
  `CPU#0\nRIP=${rip} RFL=${interrupts ? '00000246' : '00000046'} [---Z-P-] CPL=0 II=0 A20=1 SMM=0 ` +
  `HLT=${halted ? 1 : 0}\n`;

/** Answers look after look; the last one goes on. */
function machine(looks: readonly [registers: string, irr: string][], status = 'VM status: running') {
  let at = -1;
  return {
    human: async (line: string): Promise<string> => {
      if (line === 'info status') return status;
      if (line.startsWith('info registers')) at++;
      const [registers, irr] = looks[Math.min(at, looks.length - 1)] ?? ['', ''];
      return line.startsWith('info registers')
        ? registers
        : `IRR\t ${irr}\n\nAPR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10\n`;
    },
  };
}

it.each([
  ['sleeps on an interrupt for good', machine([[vcpu(true, true), '236']]), [0]],
  [
    'waits for its turn',
    machine([
      [vcpu(true, true), '236'],
      [vcpu(true, true), '236'],
      [vcpu(true, true), '(none)'],
    ]),
    [],
  ],
  [
    'woke up elsewhere',
    machine([
      [vcpu(true, true), '236'],
      [vcpu(true, true, 'ffffffff81000000'), '236'],
    ]),
    [],
  ],
  ['has nothing to wake up for', machine([[vcpu(true, true), '(none)']]), []],
  ['takes no interrupts', machine([[vcpu(true, false), '236']]), []],
  ['runs, and never takes it', machine([[vcpu(false, true), '236']]), [0]],
  [
    'runs, and takes it',
    machine([
      [vcpu(false, true), '236'],
      [vcpu(false, true), '236'],
      [vcpu(false, true), '235'],
    ]),
    [],
  ],
  [
    'runs with interrupts off, but for two looks',
    machine([
      [vcpu(false, true), '236'],
      [vcpu(false, true), '236'],
      [vcpu(false, false), '236'],
    ]),
    [],
  ],
  ['is held still', machine([[vcpu(true, true), '236']], 'VM status: paused'), []],
])('a processor that %s', async (_, each, forgotten) => {
  const seen = await lookAtStandstill(each, null, 1);
  expect(seen.forgotten).toEqual(forgotten);
  expect(seen.lines).toHaveLength(1);
});
