// SPDX-License-Identifier: Apache-2.0
// Machines that run, by what their QEMU was started with.
import { describe, expect, it } from 'vitest';
import { type MachineConfig, qemuArgs } from '../../src/qemu/args.js';
import { q35Ranges } from '../../src/qemu/memory.js';
import { chooseMachine, liveMachine } from '../../src/repro/live.js';

const GIB = 2 ** 30;
const config: MachineConfig = {
  name: 'lab-20261122-panic',
  accel: 'tcg',
  memory: GIB,
  cpus: 2,
  kernel: '/cache/kernels/aa/bzImage',
  initrd: '/cache/rootfs',
  cmdline: 'x',
  disks: [
    { serial: 'initrd', path: '/cache/rootfs' },
    { serial: 'kernel0', path: '/ca,che/kernels/bb/bzImage' },
  ],
  dir: '/tmp/x',
  extra: [],
};
const argv = qemuArgs(config);

describe('a live machine', () => {
  it('is known by its arguments', () => {
    expect(liveMachine(7, ['qemu-system-x86_64', ...argv])).toEqual([
      {
        name: '20261122-panic',
        pid: 7,
        memory: GIB,
        kernels: ['/cache/kernels/aa/bzImage', '/ca,che/kernels/bb/bzImage'],
        ramFile: null,
      },
    ]);
    const resumed = { ramFile: '/ca,che/ram', opening: 'read-write' } as const;
    expect(liveMachine(7, ['qemu-system-x86_64', ...qemuArgs({ ...config, resumed })])).toMatchObject([
      { ramFile: '/ca,che/ram' },
    ]);
    expect(liveMachine(7, ['qemu-system-x86_64', '-name', 'other', '-m', '1024'])).toEqual([]);
    expect(liveMachine(7, [])).toEqual([]);
  });

  it('is the only one, or the one that is named', () => {
    const machines = ['one', 'two'].map((name, i) => ({ name, pid: 10 + i, memory: GIB, kernels: [], ramFile: null }));
    expect(chooseMachine(machines.slice(0, 1), null).name).toBe('one');
    expect(chooseMachine(machines, 'tw').name).toBe('two');
    expect(chooseMachine(machines, '10').name).toBe('one');
    expect(() => chooseMachine(machines, null)).toThrow('2 machines match: one (10), two (11)');
    expect(() => chooseMachine(machines, 'three')).toThrow('no machine three runs');
    expect(() => chooseMachine([], null)).toThrow('no machine of the lab runs');
  });
});

it('a q35 machine has its RAM below and above the PCI hole', () => {
  expect(q35Ranges(GIB)).toEqual([{ start: 0, end: GIB, offset: 0 }]);
  expect(q35Ranges(4 * GIB)).toEqual([
    { start: 0, end: 2 * GIB, offset: 0 },
    { start: 4 * GIB, end: 6 * GIB, offset: 2 * GIB },
  ]);
});
