// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { DeviceOfResult, IommuOfResult } from '../../../src/model/result/hardware-result.js';
import { hardwareText } from '../../../src/report/text/hardware.js';

const DEVICE: DeviceOfResult = {
  name: 'edu0',
  device: 'edu',
  address: '0000:00:05.0',
  preserve: 'recreate',
  epoch: 1,
  carried: 'recreated',
  before: null,
  after: null,
  resets: 0,
  during: [],
  backing: null,
  transfer: null,
  problems: [],
};
const IOMMU: IommuOfResult = {
  kind: 'intel',
  timeline: [],
  leftOut: 0,
  gapMs: 12.25,
  gaps: [{ epoch: 1, state: 'gap', ms: 12.25 }],
  faults: [],
  descriptors: [],
  tables: [],
  strays: [],
};

test('nothing where there is nothing', () => expect(hardwareText({ devices: [], iommu: null })).toEqual([]));

test('devices, the worst first, with what the machine says made harmless', () => {
  const bad: DeviceOfResult = {
    ...DEVICE,
    name: 'disk',
    device: 'nvme',
    carried: 'lost',
    resets: 2,
    backing: { pages: 4096, different: 6 },
    problems: ['gone\u001b[2J'],
    transfer: { iova: '0x1000', phys: '0x2000', length: 2040, began: 1, fate: 'strayed' },
  };
  expect(hardwareText({ devices: [DEVICE, bad], iommu: null })).toEqual([
    '',
    '  devices',
    '    lost      disk       nvme       0000:00:05.0  2 resets, DMA in flight strayed, data 4090/4096 pages',
    '              gone\\x1b[2J',
    '    recreated edu0       edu        0000:00:05.0',
  ]);
});

test('many devices are bounded', () => {
  const lines = hardwareText({ devices: Array.from({ length: 20 }, () => DEVICE), iommu: null });
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe('    and 12 more, of which 12 without a problem');
});

test('the IOMMU: gap, faults, strays', () => {
  const reach = { epoch: 0, state: 'translated' as const, bytes: 4096, tablePages: 3, mappings: [] };
  const lines = hardwareText({
    devices: [],
    iommu: {
      ...IOMMU,
      faults: [{ device: 'edu0', count: 3, first: 'fault 2' }],
      tables: [{ device: 'edu0', before: reach, after: reach, same: 4096, handedOver: 13, leaked: 1, problems: [] }],
      strays: Array.from({ length: 6 }, () => ({ device: 'edu0', iova: '0x1000', phys: '0x1000', bytes: 16 })),
    },
  });
  expect(lines).toEqual([
    '',
    '  iommu     intel: gap 12.3 ms without translation',
    '            edu0: 4096 pages behind the same addresses as before',
    '            edu0: tables of 13 pages handed over, 1 leaked',
    '            3 requests of edu0 blocked: fault 2',
    ...Array.from({ length: 4 }, () => '            edu0 wrote 16 bytes astray, at 0x1000'),
    '            and 2 more places',
  ]);
});

test.each<[IommuOfResult['gaps'][number]['state'], number | null, string]>([
  ['kept', 0, 'gap 0 ms, translation was never off'],
  ['open', null, 'translation went off and never came back'],
  ['off', null, 'nothing was translated before the kexec'],
])('gap %s', (state, ms, words) =>
  expect(hardwareText({ devices: [], iommu: { ...IOMMU, gaps: [{ epoch: 1, state, ms }] } })[1]).toContain(words),
);

test('a kept device shows the level that it reached', () => {
  const lines = hardwareText({ devices: [{ ...DEVICE, carried: 'kept', level: 'address', resets: 1 }], iommu: null });
  expect(lines.join('\n')).toContain('0000:00:05.0  level address, 1 reset');
  // Older results have no level.
  expect(hardwareText({ devices: [{ ...DEVICE, carried: 'kept' }], iommu: null }).join('\n')).not.toContain('level');
});
