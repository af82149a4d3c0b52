// SPDX-License-Identifier: Apache-2.0
// A machine that resets leaves the registers of its processors in the evidence.
import { describe, expect, it } from 'vitest';
import type { Incident } from '../../../src/model/result/incident.js';
import { LAST_REGISTERS } from '../../../src/model/result/incident.js';
import { processorsOf } from '../../../src/repro/explain/processors.js';
import { registersText } from '../../../src/run/engine/last-registers.js';
import type { FakeMachine } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

/** As QEMU 7.2 prints them, without most of the lines. */
const processor = (index: number) => `
CPU#${index}
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=ffffffff819c82c0
RIP=ffffffff814fb113 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
CR0=80050033 CR2=00000000deadbeef CR3=0000000001a0c000 CR4=000006b0
FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80
XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000
`;

const END = { entering: (machine: FakeMachine) => machine.reset() };
const titles = (incidents: readonly Incident[]) => incidents.map(({ title, implies }) => [title, implies]);

describe('the registers of a machine', () => {
  it('that resets are in its evidence, once, and decide nothing', async () => {
    const { record } = await runFake(updatesOf({ updates: 1 }), END);
    expect(record?.verdict.outcome).toBe('reboot');
    expect(record?.verdict.cause?.title).toBe('the machine reset (guest-reset)');
    const incidents = record?.incidents ?? [];
    expect(titles(incidents).filter(([title]) => title === LAST_REGISTERS)).toEqual([[LAST_REGISTERS, null]]);
    const lines = processorsOf(incidents);
    expect(lines[0]).toBe('CPU 0 at 0xffffffff81000000: halted, interrupts on');
    expect(lines.join('\n')).toContain('CR3=');
  });

  it('that QEMU cannot tell are missing, and the verdict is the same', async () => {
    const { record } = await runFake(updatesOf({ updates: 1 }), {
      entering: (machine) => {
        machine.monitor.cr3 = null;
        machine.reset();
      },
    });
    expect(record?.verdict.outcome).toBe('reboot');
    expect(processorsOf(record?.incidents ?? [])).toEqual([]);
  });

  it('that panics or hangs are not asked for in that way', async () => {
    const panic = await runFake(updatesOf({ updates: 1 }), { entering: (machine) => machine.panic() });
    expect(processorsOf(panic.record?.incidents ?? [])).toEqual([]);
    const hang = await runFake(updatesOf({ updates: 1 }), { entering: (machine) => machine.stand() });
    expect(processorsOf(hang.record?.incidents ?? [])).toEqual(['CPU 0 at 0xffffffff81000000: halted, interrupts on']);
  });

  it('are bounded, each processor first with one line, without its floating-point registers', () => {
    const text = registersText([0, 1].map(processor).join('').replaceAll('\n', '\r\n'), null).split('\n');
    expect(text.slice(0, 2)).toEqual([
      'CPU 0 at 0xffffffff814fb113: running, interrupts off',
      'CPU 1 at 0xffffffff814fb113: running, interrupts off',
    ]);
    expect(text.filter((line) => line.startsWith('CR0='))).toHaveLength(2);
    expect(text.join('\n')).not.toMatch(/FCW|XMM|\r/);
    const many = registersText(Array.from({ length: 64 }, (_, index) => processor(index)).join(''), null);
    expect(many.split('\n').length).toBeLessThan(200);
    expect(registersText('no registers', null)).toBe('');
  });
});
