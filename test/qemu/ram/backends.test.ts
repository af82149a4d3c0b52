// SPDX-License-Identifier: Apache-2.0
// RAM in several memory backends: which one an address is in, and where QEMU has mapped it.
import { expect, it } from 'vitest';
import { hostAddresses } from '../../../src/qemu/ram/backends.js';
import { MemoryModules } from '../../../src/qemu/ram/modules.js';
import { ramRanges } from '../../../src/qemu/ram/ranges.js';
import { LabError } from '../../../src/util/errors.js';

/** `info mtree -f` of QEMU 7.2: two nodes of 2 GiB, and a module of 256 MiB that was added. */
const TWO_NODES = `FlatView #2
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000bffff (prio 0, ram): ram0
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  0000000000100000-000000007fffffff (prio 0, ram): ram0 @0000000000100000
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
  0000000100000000-000000017fffffff (prio 0, ram): ram1
  0000000180000000-000000018fffffff (prio 0, ram): module0

`;

const GIB = 2 ** 30;

it('each range of RAM names its backend', () =>
  expect(ramRanges(TWO_NODES)).toEqual([
    { start: 0, end: 0xc0000, offset: 0, backend: 'ram0' },
    { start: 0x100000, end: 2 * GIB, offset: 0x100000, backend: 'ram0' },
    { start: 4 * GIB, end: 6 * GIB, offset: 0, backend: 'ram1' },
    { start: 6 * GIB, end: 6.25 * GIB, offset: 0, backend: 'module0' },
  ]));

it('asks QEMU where each backend is, once', async () => {
  const asked: string[] = [];
  const human = async (line: string) => {
    asked.push(line);
    return `Host virtual address for ${line.split(' ')[1]} (ram) is 0x7f00000000${asked.length}0\r\n`;
  };
  const found = await hostAddresses({ human }, TWO_NODES);
  expect(asked).toEqual(['gpa2hva 0x0', 'gpa2hva 0x100000000', 'gpa2hva 0x180000000']);
  expect([...found]).toEqual([
    ['ram0', 0x7f0000000010],
    ['ram1', 0x7f0000000020],
    ['module0', 0x7f0000000030],
  ]);
});

it('asks nothing of a machine with one backend', async () => {
  const human = () => Promise.reject(new Error('asked'));
  const found = await hostAddresses({ human }, TWO_NODES.replaceAll(/ram[01]/g, 'ram').replace(/^.*module0\n/m, ''));
  expect(found.size).toBe(0);
});

it('a QEMU that does not say is a fault of the host', () =>
  expect(hostAddresses({ human: async () => 'unknown command' }, TWO_NODES)).rejects.toThrow(LabError));

it.each([
  [0, 'taken'],
  [1, 'refused'],
])('status %d of a module: %s', async (status, expected) => {
  const modules = new MemoryModules();
  const commands: [string, unknown][] = [];
  const run = async (name: string, args?: unknown) => void commands.push([name, args]);
  const first = await modules.plug({ run }, GIB);
  const second = await modules.plug({ run }, GIB / 2);
  expect(commands.slice(2)).toEqual([
    ['object-add', { 'qom-type': 'memory-backend-memfd', id: 'module1', size: GIB / 2, share: true }],
    ['device_add', { driver: 'pc-dimm', id: 'dimm1', memdev: 'module1' }],
  ]);
  modules.take('RESUME', undefined);
  modules.take('ACPI_DEVICE_OST', { info: { device: 'dimm1', source: 1, status } });
  const answers = await Promise.race([second.taken, first.taken.then(() => 'the other one')]);
  expect(answers).toBe(expected);
});
