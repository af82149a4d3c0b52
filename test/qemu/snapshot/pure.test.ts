// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../../src/model/scenario/device.js';
import { type MachineConfig, qemuArgs } from '../../../src/qemu/args.js';
import { needsOfQemu } from '../../../src/qemu/confine.js';
import { mappedParts } from '../../../src/qemu/snapshot/mapped-parts.js';
import { firmwarePlace } from '../../../src/qemu/snapshot/save.js';
import { withFirmware } from '../../../src/qemu/snapshot/stream.js';
import { pageRuns } from '../../../src/qemu/snapshot/written-pages.js';
import { unsupported } from '../../../src/qemu/snapshot/unsupported.js';

const CONFIG: MachineConfig = {
  name: 'x',
  accel: 'tcg',
  memory: 1 << 30,
  cpus: 2,
  kernel: '/c/bzImage',
  initrd: '/c/initrd',
  cmdline: '',
  disks: [],
  dir: '/tmp/run',
  extra: [],
};
const pos = { file: 'x.yaml', line: 1, column: 1 };
const NO_IOMMU = { kind: 'none', intremap: false, scalable: false, bits: 39, preserve: 'recreate', pos } as const;
const resumed = (opening: 'read-only' | 'read-write') => ({ ...CONFIG, resumed: { ramFile: '/s/ram', opening } });

describe('arguments of a resumed machine', () => {
  const cold = qemuArgs(CONFIG);

  it('are those of the cold one, but for its RAM and its state', () => {
    const warm = qemuArgs(resumed('read-write'));
    expect(warm.filter((arg) => !cold.includes(arg))).toEqual([
      `memory-backend-file,id=ram,size=${1 << 30}B,mem-path=/s/ram,share=off`,
      '-S',
      '-global',
      'migration.send-configuration=off',
      '-incoming',
      'unix:/tmp/run/state.sock',
    ]);
    expect(cold.filter((arg) => !warm.includes(arg))).toEqual([
      `memory-backend-memfd,id=ram,size=${1 << 30}B,share=on`,
    ]);
  });

  it('open the RAM read-only where QEMU can', () =>
    expect(qemuArgs(resumed('read-only')).join(' ')).toContain('mem-path=/s/ram,share=off,readonly=on,rom=off'));

  it('have a seed only if there is one', () => {
    expect(cold).not.toContain('-seed');
    expect(qemuArgs({ ...CONFIG, seed: 1 }).join(' ')).toContain('-seed 1');
  });
});

describe('the RAM of a resumed machine', () => {
  it('is never given to QEMU', () => {
    expect(needsOfQemu(resumed('read-write'))).toMatchObject({ write: ['/tmp/run'], lent: ['/s/ram'] });
    expect(needsOfQemu(resumed('read-only'))).toMatchObject({
      read: ['/c/bzImage', '/c/initrd', '/s/ram'],
      write: ['/tmp/run'],
      lent: [],
    });
  });

  it("is found in QEMU's memory by the file's name, in all of its parts", () => {
    const maps =
      '7f0000000000-7f0000100000 rw-p 00000000 fe:00 7  /s/ram\n' +
      '7f0000100000-7f0000300000 rw-p 00100000 fe:00 7  /s/ram\n' +
      '7f0000400000-7f0000500000 r--p 00000000 fe:00 7  /s/ram\n' +
      '7f0000600000-7f0000700000 rw-p 00000000 fe:01 7  /lib/x.so\n';
    expect(mappedParts(maps, { path: '/s/ram', inode: 9 })).toEqual([
      { offset: 0, length: 0x100000, address: 0x7f0000000000 },
      { offset: 0x100000, length: 0x200000, address: 0x7f0000100000 },
    ]);
    expect(mappedParts(maps, { path: '/elsewhere', inode: 9 })).toEqual([]);
    expect(mappedParts(maps.replaceAll('/s/ram', '/inside'), { path: '/s/ram', inode: 7 })).toHaveLength(3);
  });
});

it('pages that a machine has written are those in memory or swapped out that are not of the file', () => {
  const [present, swapped, file] = [1n << 63n, 1n << 62n, 1n << 61n];
  const entries = [0n, present | file, present, present | 5n, swapped, present | file, file];
  const bytes = Buffer.alloc(8 * entries.length);
  entries.forEach((entry, index) => bytes.writeBigUInt64LE(entry, 8 * index));
  expect(pageRuns(bytes)).toEqual([
    { first: 0, count: 2, written: false },
    { first: 2, count: 3, written: true },
    { first: 5, count: 2, written: false },
  ]);
});

describe("a saved machine's state", () => {
  it('has the firmware before the devices', () => {
    const devices = Buffer.from('QEVM\0\0\0\x03devices', 'latin1');
    const stream = withFirmware(devices, { block: 'pc.bios', content: Buffer.alloc(8192, 0x5a) });
    expect(stream.subarray(0, 8).toString('latin1')).toBe('QEVM\0\0\0\x03');
    expect(stream.filter((byte) => byte === 0x5a)).toHaveLength(8192);
    const text = stream.toString('latin1');
    expect(text.indexOf('pc.bios')).toBeGreaterThan(text.indexOf('ram'));
    expect(text.slice(-14)).toBe('devices\x06\0\0\0\x02{}');
  });

  it('of another format is refused', () =>
    expect(() => withFirmware(Buffer.from('QEVM\0\0\0\x04'), { block: 'x', content: Buffer.alloc(0) })).toThrow(
      'format',
    ));

  it('needs to know where the firmware is', () => {
    const mtree = '  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic\n';
    const row = '  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios\n';
    expect(firmwarePlace(mtree + row)).toEqual({ block: 'pc.bios', start: 0xfffc0000, size: 0x40000 });
    expect(() => firmwarePlace(mtree)).toThrow('firmware');
  });
});

describe('a machine that cannot be saved', () => {
  const device: DeviceSpec = {
    name: 'edu0',
    model: 'edu',
    slot: 5,
    function: 0,
    behind: null,
    size: 0,
    preserve: 'recreate',
    session: null,
    token: null,
    iommuToken: null,
    map: [],
    inFlight: false,
    interrupts: 'off',
    level: 'dma',
    guest: null,
    pos,
  };
  const withDevices = (devices: DeviceSpec[]) => ({ ...CONFIG, hardware: { iommu: NO_IOMMU, rootPorts: [], devices } });

  it.each<[string, MachineConfig, RegExp | null]>([
    ['none', CONFIG, null],
    ['no devices', withDevices([]), null],
    ['a device that QEMU forgets', withDevices([device]), /devices: edu: QEMU saves nothing/],
    ['KVM', { ...CONFIG, accel: 'kvm' }, /KVM/],
    ['arguments of its own', { ...CONFIG, extra: ['-device', 'x'] }, /arguments/],
    [
      'an IOMMU',
      { ...CONFIG, hardware: { iommu: { ...NO_IOMMU, kind: 'amd' }, rootPorts: [], devices: [] } },
      /an IOMMU: amd: .*not migratable/,
    ],
  ])('%s', (_, config, why) => {
    if (why === null) expect(unsupported(config)).toBeNull();
    else expect(unsupported(config)).toMatch(why);
  });
});
