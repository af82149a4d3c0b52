// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import type { PciView } from '../../../src/model/kernel/pci.js';
import { barsOf, capabilities, commandOf, comparePci, interruptsOf } from '../../../src/oracles/pci/pci.js';
import { pciEvents, type TraceItem } from '../../../src/oracles/pci/trace.js';

/** Configuration space of QEMU 7.2's edu after a kernel has booted and uses its MSI: only the bytes that are not 0. */
function edu(): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, 0x11e81234, true);
  view.setUint16(0x04, 0x0507, true);
  view.setUint16(0x06, 0x0010, true);
  view.setUint32(0x08, 0x00ff0010, true);
  view.setUint32(0x10, 0xfea00000, true);
  view.setUint8(0x34, 0x40);
  view.setUint16(0x40, 0x0005, true);
  view.setUint16(0x42, 0x0081, true);
  view.setUint32(0x44, 0xfee003d8, true);
  view.setUint16(0x4c, 0x4021, true);
  return bytes;
}

describe('configuration space', () => {
  it('decodes the command register', () =>
    expect(commandOf(edu())).toEqual({ command: 0x507, memory: true, busMaster: true }));

  it('decodes BARs of 32 and 64 bits', () => {
    expect(barsOf(edu(), [{ bar: 0, type: 'memory', size: 2 ** 20 }])).toEqual([
      { bar: 0, type: 'memory', address: '0xfea00000', size: 2 ** 20 },
    ]);
    const wide = edu();
    new DataView(wide.buffer).setUint32(0x20, 0xc, true);
    new DataView(wide.buffer).setUint32(0x24, 0x38, true);
    new DataView(wide.buffer).setUint32(0x14, 0xc041, true);
    expect(
      barsOf(wide, [
        { bar: 4, type: 'memory', size: 16384 },
        { bar: 1, type: 'io', size: 32 },
        { bar: 6, type: 'memory', size: 1 },
      ]),
    ).toEqual([
      { bar: 4, type: 'memory', address: '0x3800000000', size: 16384 },
      { bar: 1, type: 'io', address: '0xc040', size: 32 },
    ]);
  });

  it('decodes MSI and MSI-X', () => {
    expect(interruptsOf(edu())).toEqual([
      { kind: 'msi', enabled: true, control: 0x81, address: '0xfee003d8', data: 0x4021 },
    ]);
    const msix = edu();
    const view = new DataView(msix.buffer);
    view.setUint16(0x40, 0x0011, true);
    view.setUint16(0x42, 0x8002, true);
    expect(interruptsOf(msix)).toEqual([{ kind: 'msix', enabled: true, control: 0x8002, address: null, data: null }]);
  });

  it('stops at a list of capabilities that loops or leaves the header', () => {
    const circle = edu();
    circle[0x41] = 0x40;
    expect(capabilities(circle).length).toBeLessThan(64);
    const out = edu();
    out[0x34] = 0xfc;
    out[0xfc] = 5;
    out[0xfd] = 0x10;
    expect(interruptsOf(out)).toEqual([]);
    expect(capabilities(new Uint8Array(256))).toEqual([]);
    expect(() => interruptsOf(new Uint8Array(256).fill(0xff))).not.toThrow();
  });
});

const VIEW: PciView = {
  address: '0000:00:05.0',
  vendor: '1234',
  device: '11e8',
  class: '00ff',
  bars: [{ bar: 0, type: 'memory', address: '0xfea00000', size: 2 ** 20 }],
  command: 0x507,
  memory: true,
  busMaster: true,
  interrupts: [{ kind: 'msi', enabled: true, control: 0x81, address: '0xfee003d8', data: 0 }],
  bridge: { address: '0000:00:03.0', secondary: 1, busMaster: true },
  registers: { liveness: '0x1', factorial: '0x2' },
};

test('finds no difference between equal views', () => expect(comparePci(VIEW, structuredClone(VIEW))).toEqual([]));
test('compares nothing with a device that was not there before', () => expect(comparePci(null, VIEW)).toEqual([]));

test.each<[string, string, Partial<PciView> | null]>([
  ['gone', 'is no longer there', null],
  ['moved', 'was at 0000:00:05.0, is at 0000:00:06.0', { address: '0000:00:06.0' }],
  ['identity', 'was 1234:11e8, is 1234:11e9', { device: '11e9' }],
  ['class', 'was of class 00ff', { class: '0108' }],
  [
    'bar',
    'BAR 0 was at 0xfea00000 (1048576 bytes), is at 0x0',
    { bars: [{ bar: 0, type: 'memory', address: '0x0', size: 2 ** 20 }] },
  ],
  ['bar', 'is not there', { bars: [] }],
  ['memory-off', 'no longer decoded', { memory: false }],
  ['bus-mastering-off', 'is off', { busMaster: false }],
  ['interrupts-off', 'msi was on and is off', { interrupts: [{ ...VIEW.interrupts[0]!, enabled: false }] }],
  ['interrupts-off', 'msi was on and is off', { interrupts: [] }],
  ['interrupts-changed', 'now 0x7 to 0xfee003d8', { interrupts: [{ ...VIEW.interrupts[0]!, data: 7 }] }],
  ['bridge', 'is behind no bridge', { bridge: null }],
  [
    'bridge',
    'is behind bridge 0000:00:03.0 (bus 2)',
    { bridge: { address: '0000:00:03.0', secondary: 2, busMaster: true } },
  ],
  [
    'bridge-bus-mastering-off',
    'no longer forwards',
    { bridge: { address: '0000:00:03.0', secondary: 1, busMaster: false } },
  ],
  ['registers', 'factorial was 0x2, is 0x0', { registers: { liveness: '0x1', factorial: '0x0' } }],
])('%s: %s', (kind, detail, after) => {
  const found = comparePci(VIEW, after === null ? null : { ...VIEW, ...after });
  expect(found.map((each) => each.kind)).toEqual([kind]);
  expect(found[0]?.detail).toContain(detail);
});

describe('events of a device', () => {
  const item = (t: number, text: string): TraceItem => ({ t, epoch: 0, event: 'pci_cfg_write', text });
  const device = { address: '01:00.0', bridge: '00:03.0', express: 0x80 };
  const items = [
    item(1, 'edu 01:00.0 @0x4 <- 0x507'),
    item(2, 'edu 00:05.0 @0x4 <- 0x0'),
    item(3, 'edu 01:00.0 @0x4 <- 0x503'),
    item(4, 'edu 01:00.0 @0x4 <- 0x500'),
    item(5, 'pcie-root-port 00:03.0 @0x3e <- 0x42'),
    item(6, 'pcie-root-port 00:03.0 @0x3e <- 0x42'),
    item(7, 'pcie-root-port 00:03.0 @0x3e <- 0x2'),
    item(8, 'edu 01:00.0 @0x88 <- 0x8000'),
    item(9, 'edu 01:00.0 @0x4 <- 0x506'),
    item(10, 'nonsense'),
    { t: 11, epoch: 0, event: 'other', text: 'edu 01:00.0 @0x4 <- 0x0' },
  ];

  it('include bus mastering, memory, and resets of the bus and the device', () => {
    expect(pciEvents(items, device).map(({ t, what }) => `${t} ${what}`)).toEqual([
      '3 bus mastering off',
      '4 memory off',
      '5 reset',
      '8 reset',
      '9 bus mastering on',
      '9 memory on',
    ]);
  });

  it('can be limited to a time span, with the state before it known', () =>
    expect(pciEvents(items, device, 9, 9).map(({ what }) => what)).toEqual(['bus mastering on', 'memory on']));

  it('are bounded', () => {
    const flood = Array.from({ length: 100_000 }, (_, i) =>
      item(i, `edu 01:00.0 @0x4 <- 0x${i % 2 === 0 ? '507' : '0'}`),
    );
    expect(pciEvents(flood, device).length).toBe(400);
  });
});
