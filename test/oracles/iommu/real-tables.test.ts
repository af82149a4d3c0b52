// SPDX-License-Identifier: Apache-2.0
// Tables from the memory of real, running machines, compared with QEMU's own walk. golden/*.json: all numbers are
// hexadecimal except those of `devices`. It has the register, the tables of each device, translations [source id, IOVA,
// physical address of its page] as QEMU 7.2.22 traced them (vtd_iotlb_page_update, amdvi_cache_update; only IOVAs that
// were still in use), and every word of the tables that is not 0. Intel: kernel 7.3.4 with `-device
// intel-iommu,aw-bits=48`, virtio devices with iommu_platform=on. AMD: Debian's 6.1.187 with `-device amd-iommu`,
// virtio and nvme, with pages of 8 to 64 KiB.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DeviceTables, walkDevice } from '../../../src/oracles/iommu/index.js';
import { FakeMemory } from '../../qemu/fake-memory.js';

interface Golden {
  register: string;
  devices: { sid: number; levels: number; domain: number; pages: number; tables: number }[];
  translations: [sid: number, iova: string, phys: string][];
  words: Record<string, string>;
}

describe.each([
  ['intel-legacy', 'intel'],
  ['intel-scalable', 'intel'],
  ['amd', 'amd'],
] as const)('%s', (name, iommu) => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden', `${name}.json`), 'utf8')) as Golden;
  const memory = new FakeMemory(2 ** 30);
  for (const [phys, word] of Object.entries(golden.words)) memory.writeU64(parseInt(phys, 16), BigInt(`0x${word}`));
  const walk = (sid: number): DeviceTables =>
    walkDevice((phys, into) => memory.read(phys, into), { iommu, register: BigInt(`0x${golden.register}`) }, sid, {
      ram: memory.ranges,
    }) as DeviceTables;

  it.each(golden.devices)('device $sid', ({ sid, levels, domain, pages, tables }) => {
    const found = walk(sid);
    expect(found).toMatchObject({ state: 'translated', levels, domain, problems: [], complete: true });
    expect(found.mappings.reduce((sum, { length }) => sum + length / 4096, 0)).toBe(pages);
    expect(found.tables).toHaveLength(tables);
  });

  it('reaches the same addresses as QEMU', () => {
    expect(golden.translations.length).toBeGreaterThan(10);
    for (const [sid, text, page] of golden.translations) {
      const iova = BigInt(`0x${text}`);
      const run = walk(sid).mappings.find(
        (mapping) => iova >= mapping.iova && iova < mapping.iova + BigInt(mapping.length),
      );
      const phys = run === undefined ? -1 : run.phys + Number(iova - run.iova);
      // QEMU reports the start of the page, which can be larger than 4 KiB with AMD.
      const sizes = iommu === 'amd' ? [12, 13, 14, 15, 16] : [12];
      expect(
        sizes.map((bits) => phys - (phys % 2 ** bits)),
        `${sid} ${text}`,
      ).toContain(parseInt(page, 16));
    }
  });
});
