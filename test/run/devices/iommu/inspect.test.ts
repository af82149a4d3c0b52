// SPDX-License-Identifier: Apache-2.0
// The IOMMU's registers by QEMU's answers, and its tables by the machine's memory.
import { describe, expect, it } from 'vitest';
import { iommuRegisters, walkNow } from '../../../../src/run/devices/iommu/inspect.js';
import { FakeView } from '../../../fakes/parts.js';
import { legacy, SID } from '../../../oracles/iommu/walk/tables.js';

/** Answers reads of registers, and lists them. */
class Monitor extends FakeView {
  readonly asked: string[] = [];

  constructor(private readonly answers: readonly string[]) {
    super();
  }

  override async query(line?: string): Promise<string> {
    this.asked.push(line ?? '');
    return this.answers[this.asked.length - 1] ?? '';
  }
}

const row = (at: string, value: string) => `00000000${at}: 0x${value}\n`;

describe('registers', () => {
  it('of VT-d: each is read once, in its own size', async () => {
    const view = new Monitor([
      row('fed9001c', 'c2000000'),
      row('fed90020', '0000000000123400'),
      row('fed90034', '00000000'),
    ]);
    expect(await iommuRegisters(view, 'intel')).toMatchObject({
      translating: true,
      remapping: true,
      root: { iommu: 'intel', register: 0x12_3400n },
      registers: { FSTS_REG: '0x0' },
    });
    expect(view.asked).toEqual(['xp /1xw 0xfed9001c', 'xp /1xg 0xfed90020', 'xp /1xw 0xfed90034']);
  });

  it('of AMD-Vi', async () => {
    const view = new Monitor([row('fed80018', '0000000000000000'), row('fed80000', '0000000000400001')]);
    expect(await iommuRegisters(view, 'amd')).toMatchObject({
      translating: false,
      root: { iommu: 'amd', register: 0x40_0001n },
    });
    expect(view.asked).toEqual(['xp /1xg 0xfed80018', 'xp /1xg 0xfed80000']);
  });

  it.each([
    ['nothing', ''],
    ['an error', 'Cannot access memory'],
    ['a word that is no number', row('fed90034', 'zz')],
  ])('where one of them answers with %s, none counts', async (_, last) => {
    const view = new Monitor([row('fed9001c', '80000000'), row('fed90020', '0000000000123000'), last]);
    expect(await iommuRegisters(view, 'intel')).toBeNull();
    expect(view.asked).toHaveLength(3);
  });

  it.each(['none', 'virtio'] as const)('nobody asks for those of %s', async (kind) => {
    const view = new Monitor([]);
    expect(await iommuRegisters(view, kind)).toBeNull();
    expect(view.asked).toEqual([]);
  });
});

describe('a walk', () => {
  const registers = (root: Parameters<typeof walkNow>[1]['root']) => ({
    translating: true,
    remapping: false,
    registers: {},
    root,
  });

  it('begins at the register, for this device only', () => {
    const { machine, table, register } = legacy();
    machine.second(table, 4, 0x10_0000n, 0x200_0000);
    const view = new FakeView(machine.memory);
    expect(walkNow(view, registers({ iommu: 'intel', register }), SID)).toMatchObject({
      state: 'translated',
      mappings: [{ iova: 0x10_0000n, phys: 0x200_0000 }],
      problems: [],
    });
    expect(walkNow(view, registers({ iommu: 'intel', register }), SID + 1)).toMatchObject({
      state: 'blocked',
      mappings: [],
    });
  });

  it('reports mappings that lead outside the RAM of this machine', () => {
    const { machine, table, register } = legacy();
    machine.second(table, 4, 0x10_0000n, machine.memory.end);
    expect(walkNow(new FakeView(machine.memory), registers({ iommu: 'intel', register }), SID)?.problems).toMatchObject(
      [{ kind: 'target-outside-ram' }],
    );
  });

  it('of tables where there is no memory is broken; where there are no tables, there is no walk', () => {
    const { machine } = legacy();
    const view = new FakeView(machine.memory);
    expect(walkNow(view, registers({ iommu: 'intel', register: 1n << 40n }), SID)).toMatchObject({ state: 'broken' });
    expect(walkNow(view, registers({ iommu: 'virtio' }), SID)).toBeNull();
  });
});
