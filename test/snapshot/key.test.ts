// SPDX-License-Identifier: Apache-2.0
// Whatever decides what the machine is changes the key, and nothing else does.
import { describe, expect, it } from 'vitest';
import type { MachineConfig } from '../../src/qemu/args.js';
import { keyedOperations, ladderKey, type LadderParts } from '../../src/snapshot/index.js';

const config: MachineConfig = {
  name: 'lab-20261128-a',
  accel: 'tcg',
  memory: 1 << 30,
  cpus: 2,
  icount: true,
  kernel: '/cache/k/bzImage',
  initrd: '/cache/r/rootfs.cpio.gz',
  cmdline: 'console=ttyS0 lab.epoch=0',
  disks: [{ serial: 'kernel0', path: '/cache/n/bzImage' }],
  agents: 1,
  dir: '/tmp/lab-1',
  extra: [],
};
const parts: LadderParts = {
  config,
  contents: new Map([
    ['/cache/k/bzImage', 'aa'],
    ['/cache/r/rootfs.cpio.gz', 'bb'],
    ['/cache/n/bzImage', 'cc'],
  ]),
  epochs: [
    { kernel: 'aa', cmdline: 'lab.epoch=0' },
    { kernel: 'cc', cmdline: 'lab.epoch=1' },
  ],
  qemu: { version: 'QEMU emulator version 7.2.22', digest: 'dd' },
  hostCpu: 'a processor',
  operations: [{ op: 'create', session: 's' }],
  settings: { inspect: true },
};
const key = ladderKey(parts);
const withConfig = (more: Partial<MachineConfig>): LadderParts => ({ ...parts, config: { ...config, ...more } });
const withContent = (path: string): LadderParts => ({ ...parts, contents: new Map([...parts.contents, [path, 'ee']]) });

describe('the key of a ladder', () => {
  it('is a name of 32 digits', () => expect(key).toMatch(/^[0-9a-f]{32}$/));

  it.each<[string, LadderParts]>([
    ['the folder of the run', withConfig({ dir: '/tmp/lab-2' })],
    ['what QEMU logs', withConfig({ coverage: [{ start: 0, end: 1 }] })],
    ['the name of the run', withConfig({ name: 'lab-20261128-b' })],
    [
      'the order in which settings are written',
      { ...parts, epochs: parts.epochs.map((e) => ({ cmdline: e.cmdline, kernel: e.kernel })) },
    ],
    [
      'where a kernel lies',
      {
        ...withConfig({ kernel: '/elsewhere/bzImage' }),
        contents: new Map([...parts.contents, ['/elsewhere/bzImage', 'aa']]),
      },
    ],
  ])('does not know %s', (_, other) => expect(ladderKey(other)).toBe(key));

  it.each<[string, LadderParts]>([
    ['the first kernel', withContent('/cache/k/bzImage')],
    ['the root file system', withContent('/cache/r/rootfs.cpio.gz')],
    ['the kernel on a disk', withContent('/cache/n/bzImage')],
    ['memory', withConfig({ memory: 2 << 30 })],
    ['processors', withConfig({ cpus: 1 })],
    ['icount', withConfig({ icount: false })],
    ['the accelerator', withConfig({ accel: 'kvm' })],
    ['the first command line', withConfig({ cmdline: 'console=ttyS0 lab.epoch=0 x=1' })],
    ['ports of agents', withConfig({ agents: 2 })],
    ['a disk', withConfig({ disks: [] })],
    ['further arguments', withConfig({ extra: ['-smbios', 'type=1'] })],
    ['a later command line', { ...parts, epochs: [...parts.epochs.slice(0, 1), { kernel: 'cc', cmdline: 'other' }] }],
    ['a later kernel', { ...parts, epochs: [...parts.epochs.slice(0, 1), { kernel: 'ff', cmdline: 'lab.epoch=1' }] }],
    ['the build of QEMU', { ...parts, qemu: { ...parts.qemu, digest: '00' } }],
    ['the version of QEMU', { ...parts, qemu: { ...parts.qemu, version: 'QEMU emulator version 10.0' } }],
    ['the processor of the host', { ...parts, hostCpu: 'another' }],
    ['operations', { ...parts, operations: [{ op: 'create', session: 't' }] }],
    ['settings', { ...parts, settings: { inspect: false } }],
  ])('knows %s', (_, other) => expect(ladderKey(other)).not.toBe(key));

  it('needs the content of every file', () =>
    expect(() => ladderKey({ ...parts, contents: new Map() })).toThrow('no checksum of /cache/k/bzImage'));
});

it('operations go into a key without what decides nothing, and without faults at the jump', () => {
  const pos = { line: 3, column: 1 };
  expect(
    keyedOperations([
      Object.assign({ op: 'create' }, { session: 's', index: 0, pos, origin: pos, errno: 'OK', epoch: 0 }),
      Object.assign({ op: 'fault' }, { at: 'jump', fault: { kind: 'stop' } }),
      Object.assign({ op: 'fault' }, { at: 'now', fault: { kind: 'stop' } }),
    ]),
  ).toEqual([
    { op: 'create', session: 's', epoch: 0 },
    { op: 'fault', at: 'now', fault: { kind: 'stop' } },
  ]);
});
