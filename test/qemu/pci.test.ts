// SPDX-License-Identifier: Apache-2.0
// What QEMU 7.2 reports about its PCI devices.
import { describe, expect, it } from 'vitest';
import { ecamBase, parseDump, pciAddress, pciNodes, readConfig, readRegister, sourceId } from '../../src/qemu/pci.js';

const TREE = [
  {
    bus: 0,
    devices: [
      {
        bus: 0,
        slot: 5,
        function: 0,
        qdev_id: 'dev-edu0',
        class_info: { class: 255 },
        id: { device: 4584, vendor: 4660 },
        irq: 0,
        regions: [{ bar: 0, type: 'memory', address: 4271898624, size: 1048576 }],
      },
      {
        bus: 0,
        slot: 3,
        function: 0,
        qdev_id: 'port-rp0',
        class_info: { class: 1540, desc: 'PCI bridge' },
        id: { device: 12, vendor: 6966 },
        regions: [],
        pci_bridge: {
          bus: { number: 0, secondary: 1, subordinate: 1 },
          devices: [
            {
              bus: 1,
              slot: 0,
              function: 0,
              qdev_id: 'dev-edu1',
              class_info: { class: 255 },
              id: { device: 4584, vendor: 4660 },
              regions: [],
            },
          ],
        },
      },
    ],
  },
];

describe('query-pci', () => {
  it('lists devices, bridges, and the devices behind them', () => {
    const nodes = pciNodes(TREE);
    expect(nodes.map((node) => [node.qdevId, pciAddress(node), sourceId(node), node.behind?.qdevId ?? null])).toEqual([
      ['dev-edu0', '0000:00:05.0', 0x28, null],
      ['port-rp0', '0000:00:03.0', 0x18, null],
      ['dev-edu1', '0000:01:00.0', 0x100, 'port-rp0'],
    ]);
    expect(nodes[0]?.regions).toEqual([{ bar: 0, type: 'memory', size: 1048576 }]);
  });

  it('ignores anything else', () => {
    for (const reply of [null, 5, 'x', [null], [{ devices: 3 }], { devices: [] }]) expect(pciNodes(reply)).toEqual([]);
    expect(pciNodes([{ devices: [{}] }])[0]).toMatchObject({ bus: 0, vendor: 0, qdevId: '' });
  });
});

describe('memory dumps', () => {
  const row = (at: number) => `${at.toString(16).padStart(16, '0')}: 0x11e81234 0x00100507 0x00ff0010 0x00000000`;

  it('tell where the configuration space window is', () => {
    expect(ecamBase('  00000000b0000000-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio\n')).toBe(0xb0000000);
    expect(ecamBase('  00000000fed90000-00000000fed90fff (prio 1, i/o): intel_iommu\n')).toBeNull();
  });

  it('have values in all rows', () => {
    expect(parseDump(`${row(0)}\r\n${row(16)}\r\n`)).toHaveLength(8);
    expect(parseDump('00000000fed90020: 0x000000000290e000\n')).toEqual([0x290e000n]);
    expect(parseDump('00000000b0028000: Cannot access memory\n')).toEqual([]);
  });

  it('give the configuration space of one function', async () => {
    const asked: string[] = [];
    const human = async (line: string) => {
      asked.push(line);
      return Array.from({ length: 16 }, (_, i) => row(i * 16)).join('\n');
    };
    const config = await readConfig(human, 0xb0000000, { bus: 1, slot: 5, function: 2 });
    expect(asked).toEqual(['xp /64xw 0xb012a000']);
    expect(config?.subarray(0, 4)).toEqual(Uint8Array.of(0x34, 0x12, 0xe8, 0x11));
    expect(await readConfig(async () => 'Cannot access memory', 0, { bus: 0, slot: 0, function: 0 })).toBeNull();
    expect(
      await readConfig(
        async () =>
          Array.from({ length: 16 }, () => '00000000b0000000: 0xffffffff 0xffffffff 0xffffffff 0xffffffff').join('\n'),
        0,
        { bus: 0, slot: 0, function: 0 },
      ),
    ).toBeNull();
  });

  it('give one register', async () => {
    expect(
      await readRegister(
        async (line) => (line === 'xp /1xg 0xfed90020' ? '00000000fed90020: 0x000000000290e000' : ''),
        0xfed90020,
        8,
      ),
    ).toBe(0x290e000n);
    expect(await readRegister(async () => 'Cannot access memory', 0, 4)).toBeNull();
  });
});
