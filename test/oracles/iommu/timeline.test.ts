// SPDX-License-Identifier: Apache-2.0
// golden/ has traces of real runs: 7.3.4 to itself under QEMU 7.2.22 with `-device intel-iommu,intremap=on,aw-bits=48`
// (and x-scalable-mode=on) and `intel_iommu=on` (and `sm_on`), and Debian's 6.1.187 with `-device
// amd-iommu,intremap=on` from boot to `reboot -f`. Of consecutive invalidations, only the first six lines were kept.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gap, type IommuEvent, parseTimeline, rootAt } from '../../../src/oracles/iommu/index.js';
import { random } from './walk/tables.js';

const golden = (name: string): string => readFileSync(join(import.meta.dirname, 'golden', name), 'utf8');
const lines = (...text: string[]): IommuEvent[] => parseTimeline(`${text.join('\n')}\n`).events;

describe('a real kexec of a stock kernel', () => {
  const text = golden('intel-7.3.4.trace');
  const timeline = parseTimeline(text);

  it('is read line by line', () => {
    expect(timeline).toMatchObject({ dropped: 0, unread: 0 });
    expect(
      timeline.events.filter(({ kind }) => kind !== 'invalidate').map(({ kind, detail }) => `${kind}: ${detail}`),
    ).toEqual([
      'command: QIE on',
      'command: SIRTP',
      'command: IRE on',
      'ir-enable: enable 1',
      'command: SRTP',
      'root: addr 0x24a3000 scalable 0',
      'command: TE on',
      'enable: enable 1',
      'command: TE off',
      'disable: enable 0',
      'command: QIE off',
      'command: QIE on',
      'command: IRE off',
      'ir-disable: enable 0',
      'command: SIRTP',
      'command: IRE on',
      'ir-enable: enable 1',
      'command: SRTP',
      'root: addr 0x1852000 scalable 0',
      'command: TE on',
      'enable: enable 1',
    ]);
    expect(timeline.events.at(0)).toMatchObject({ tMicros: 1795358881298792, name: 'vtd_reg_write_gcmd' });
    expect(timeline.events.find(({ kind }) => kind === 'invalidate')).toMatchObject({
      name: 'vtd_inv_desc_iec',
      count: 1,
    });
    expect(timeline.events.filter(({ kind }) => kind === 'invalidate').map(({ count }) => count)).toEqual([
      1, 3, 2, 3, 1, 1, 3, 2, 3,
    ]);
  });

  it('has a gap of five seconds', () => {
    expect(gap(timeline.events, 1795358885000000)).toEqual({
      state: 'gap',
      ms: 5125.984,
      intervals: [{ fromMicros: 1795358885900832, toMicros: 1795358891026816 }],
    });
    expect(gap(timeline.events, 1795358885000000, 1795358888000000)).toEqual({
      state: 'open',
      ms: null,
      intervals: [{ fromMicros: 1795358885900832, toMicros: null }],
    });
    expect(gap(timeline.events, 1795358892000000)).toEqual({ state: 'kept', ms: 0, intervals: [] });
    expect(gap(timeline.events, 1795358886000000)).toMatchObject({ state: 'off', ms: 5026.816 });
  });

  it('has another root afterwards', () => {
    expect(rootAt(timeline.events, 1795358880000000)).toBeNull();
    expect(rootAt(timeline.events, 1795358884000000)).toEqual({
      root: { iommu: 'intel', register: 0x24a3000n },
      enabled: true,
    });
    expect(rootAt(timeline.events, 1795358887000000)).toMatchObject({ enabled: false });
    expect(rootAt(timeline.events)).toEqual({ root: { iommu: 'intel', register: 0x1852000n }, enabled: true });
  });

  it('scalable mode is a bit of the register', () => {
    expect(rootAt(parseTimeline(golden('intel-7.3.4-scalable.trace')).events)).toEqual({
      root: { iommu: 'intel', register: 0x19cd400n },
      enabled: true,
    });
  });

  it('can be read when it is cut anywhere', () => {
    for (let length = 0; length < text.length; length += 7) {
      const cut = parseTimeline(text.slice(0, length));
      expect(cut.unread).toBe(0);
      expect(cut.events.length).toBeLessThanOrEqual(timeline.events.length);
      expect(parseTimeline(text.slice(length)).unread).toBeLessThanOrEqual(1);
    }
  });

  it('with changed bytes never makes it throw', () => {
    const next = random(21);
    for (let round = 0; round < 200; round++) {
      const chars = text.split('');
      for (let i = 0; i < 20; i++) chars[next() % chars.length] = String.fromCharCode(next() % 256);
      const { events } = parseTimeline(chars.join(''));
      const found = gap(events, 1795358885000000);
      expect(found.ms === null || found.ms >= 0).toBe(true);
      rootAt(events);
    }
  });
});

it('faults of VT-d', () => {
  expect(lines('77@1795358885.000001:vtd_dmar_fault sid 0x80 fault 5 addr 0x100000 write 1')).toMatchObject([
    { kind: 'fault', tMicros: 1795358885000001, fault: { sourceId: 0x80, reason: 5, iova: 0x100000n, write: true } },
  ]);
});

it('errors that QEMU reports on stderr, with and without a timestamp', () => {
  expect(
    lines(
      '2026-11-22T14:33:01.241675Z qemu-system-x86_64: vtd_iommu_translate: detected translation failure ' +
        '(dev=00:10:00, iova=0x100000)',
      'qemu-system-x86_64: vtd_iova_to_slpte: detected splte reserve non-zero iova=0x0, level=0x3slpte=0x1, ' +
        'pasid=0xffffffff)',
    ),
  ).toMatchObject([
    {
      kind: 'error',
      tMicros: 1795357981241675,
      name: 'vtd_iommu_translate',
      detail: 'detected translation failure (dev=00:10:00, iova=0x100000)',
    },
    { kind: 'error', tMicros: null, name: 'vtd_iova_to_slpte' },
  ]);
});

it('without timestamps there are events, but no gap', () => {
  const events = lines('vtd_dmar_enable enable 1', 'vtd_dmar_enable enable 0');
  expect(events.map(({ kind, tMicros }) => [kind, tMicros])).toEqual([
    ['enable', null],
    ['disable', null],
  ]);
  expect(gap(events, 0)).toEqual({ state: 'off', ms: null, intervals: [{ fromMicros: 0, toMicros: null }] });
});

it('a gap of several intervals is their sum', () => {
  const at = (second: number, on: number): string => `7@${second}.000000:vtd_dmar_enable enable ${on}`;
  expect(
    gap(lines(at(1, 1), at(10, 0), at(11, 0), at(12, 1), at(13, 0), at(13, 1), at(20, 0), at(23, 1)), 5e6),
  ).toEqual({
    state: 'gap',
    ms: 5000,
    intervals: [
      { fromMicros: 10e6, toMicros: 12e6 },
      { fromMicros: 13e6, toMicros: 13e6 },
      { fromMicros: 20e6, toMicros: 23e6 },
    ],
  });
  expect(gap(lines(at(1, 1), at(10, 0), at(12, 1), at(13, 0)), 5e6)).toMatchObject({ state: 'open', ms: null });
});

it('a real boot and reboot with AMD-Vi', () => {
  const { events, unread } = parseTimeline(golden('amd-debian-6.1.trace'));
  expect(unread).toBe(0);
  expect(events.map(({ kind, tMicros, count }) => [kind, tMicros, count])).toEqual([
    ['enable', 1795359561755247, 1],
    ['invalidate', expect.any(Number), expect.any(Number)],
    ['disable', 1795359596934136, 1],
  ]);
  expect(gap(events, 1795359590000000)).toMatchObject({ state: 'open', ms: null });
});

it('AMD-Vi: only bit 0 of the control register switches; the base register is written in halves', () => {
  const events = lines(
    '7@1.000000:amdvi_mmio_write AMDVI_MMIO_DEVTAB_BASE write addr 0x0, size 4, val 0x24001ff, offset 0x0',
    '7@2.000000:amdvi_mmio_write AMDVI_MMIO_DEVTAB_BASE write addr 0x4, size 4, val 0x1, offset 0x0',
    '7@3.000000:amdvi_mmio_write AMDVI_MMIO_CONTROL write addr 0x18, size 8, val 0x1, offset 0x18',
    '7@4.000000:amdvi_control_status MMIO_STATUS state 0x1000',
    '7@5.000000:amdvi_control_status MMIO_STATUS state 0x1001',
    '7@6.000000:amdvi_control_status MMIO_STATUS state 0x1005',
    '7@6.100000:amdvi_pages_inval AMD-Vi pages for domain 0x1 invalidated',
    '7@6.200000:amdvi_iotlb_inval IOTLB pages invalidated',
    '7@6.300000:amdvi_page_fault error: page fault accessing guest physical address 0x5000',
    '7@7.000000:amdvi_control_status MMIO_STATUS state 0x4',
    '7@8.000000:amdvi_mmio_write AMDVI_MMIO_DEVTAB_BASE write addr 0x0, size 8, val 0x30001ff, offset 0x0',
  );
  expect(events.map(({ kind }) => kind)).toEqual(['root', 'root', 'enable', 'invalidate', 'fault', 'disable', 'root']);
  expect(rootAt(events, 3e6)?.root).toEqual({ iommu: 'amd', register: 0x1024001ffn });
  expect(events[3]).toMatchObject({ count: 2, lastMicros: 6.2e6 });
  expect(events[4]).toMatchObject({ fault: { iova: 0x5000n } });
  expect(rootAt(events)).toEqual({ root: { iommu: 'amd', register: 0x30001ffn }, enabled: false });
});

it.each(['virtio_iommu_device_reset', 'virtio_iommu_device_reset_exit'])('virtio-iommu works until its %s', (reset) => {
  const events = lines(
    '7@1.000000:virtio_iommu_device_status driver status = 11',
    '7@2.000000:virtio_iommu_device_status driver status = 15',
    '7@3.000000:virtio_iommu_report_fault FAULT reason=2 flags=2 endpoint=128 address =0x100000',
    `7@4.000000:${reset} reset!`,
    '7@5.000000:virtio_iommu_device_status driver status = 0',
  );
  expect(events.map(({ kind }) => kind)).toEqual(['enable', 'fault', 'disable']);
  expect(events[1]?.fault).toEqual({ sourceId: 128, reason: 2, iova: 0x100000n, write: true });
  expect(rootAt(events)).toEqual({ root: { iommu: 'virtio' }, enabled: false });
});

it('lines that are not from QEMU are counted and shown in printable form', () => {
  const { events, unread, unreadLines } = parseTimeline(
    [
      '\u001b[2Jhello',
      'vtd_dmar_enable enable',
      'vtd_dmar_enable enable 17',
      'vtd_reg_dmar_root addr 0x scalable 0',
      `vtd_inv_desc_cc ${'x'.repeat(5000)}`,
      '',
      '7@5.5:vtd_dmar_enable enable 1',
      '',
    ].join('\n'),
  );
  expect(events).toEqual([]);
  expect(unread).toBe(6);
  expect(unreadLines).toEqual(['\\x1b[2Jhello', 'vtd_dmar_enable enable', 'vtd_dmar_enable enable 17']);
});

it('a flood is bounded and hides nothing else', () => {
  const many = parseTimeline(
    `${'1@5.000000:vtd_dmar_fault sid 0x80 fault 5 addr 0x100000 write 1\n'.repeat(30_000)}` +
      '1@6.000000:vtd_dmar_enable enable 1\n',
  );
  expect([many.events.length, many.dropped, many.events.at(-1)?.kind]).toEqual([5001, 25_000, 'enable']);
  expect(parseTimeline('1@5.000000:vtd_inv_desc_iotlb_global iotlb invalidate global\n'.repeat(30_000))).toMatchObject({
    dropped: 0,
    events: [{ count: 30_000 }],
  });
});
