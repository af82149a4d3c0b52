// SPDX-License-Identifier: Apache-2.0
// What three QEMUs really said (q35, 512 MiB, intel-iommu, edu; a boot of 7.3.4 for the trace), and an unknown one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { DevicePlan } from '../../../src/model/scenario/device.js';
import { parseTimeline } from '../../../src/oracles/iommu/timeline.js';
import { parseConfigWrite } from '../../../src/oracles/pci/trace.js';
import { missingFeatures, tracesOf } from '../../../src/qemu/features/probe.js';
import { ramRanges } from '../../../src/qemu/memory.js';
import { ecamBase, parseDump } from '../../../src/qemu/pci.js';
import { parseRegisters } from '../../../src/qemu/registers.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { LabError } from '../../../src/util/errors.js';
import { parseTraceLine } from '../../../src/util/text/trace-line.js';

const FOLDER = join(import.meta.dirname, 'recorded');
const lines = z.array(z.string());
const recorded = z.object({
  version: z.string(),
  mtree: lines,
  registers: lines,
  usernet: lines,
  xp: lines,
  /** Of vtd_dmar_enable, which was enabled, and of virtio_iommu_device_reset*, which was not. */
  states: z.array(z.array(z.object({ name: z.string(), state: z.string() }))),
  trace: lines,
});
type Recorded = z.infer<typeof recorded>;

const all = readdirSync(FOLDER).map((name) => recorded.parse(JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))));
const text = (of: readonly string[]) => of.map((line) => `${line}\r\n`).join('');
const hardware = (iommu: string): DevicePlan =>
  parseScenario(
    `from: a\nto: b\niommu: ${iommu}\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\n` +
      'devices: [{name: e, device: edu, at: "05.0", map: [{file: s/f, iova: 0x100000}]}]\n',
    'x.yaml',
  ).hardware;

/** QEMU as it was recorded. @param events those that it knows; all of them are enabled */
function asked({ mtree, registers }: Pick<Recorded, 'mtree' | 'registers'>, knows: (event: string) => boolean) {
  return {
    human: async (line: string) => (line === 'info mtree -f' ? text(mtree) : text(registers)),
    run: async (_: string, { name }: Record<string, unknown>) => {
      if (!knows(String(name))) throw new LabError(`QEMU monitor: unknown event "${String(name)}"`);
      return [{ name, state: 'enabled' }];
    },
  };
}

it('three QEMUs are recorded', () =>
  expect(all.map(({ version }) => version.split('.').slice(0, 2).join('.')).sort()).toEqual(['10.0', '11.1', '7.2']));

describe.each(all)('QEMU $version', (said) => {
  it('lacks nothing that the lab needs', async () => {
    for (const iommu of ['intel', 'amd', 'virtio'])
      expect(
        await missingFeatures(
          asked(said, () => true),
          hardware(iommu),
        ),
      ).toEqual([]);
  });

  it('shows where RAM and configuration space are', () => {
    const ranges = ramRanges(text(said.mtree));
    expect(ranges[0]?.start).toBe(0);
    expect(ranges.at(-1)?.end).toBe(512 << 20);
    expect(ecamBase(text(said.mtree))).toBe(0xb000_0000);
  });

  it('shows registers, and the words of physical memory', () => {
    expect(parseRegisters(text(said.registers))).toMatchObject({ cr3: 0n, idtLimit: 0x3ff });
    expect(parseDump(text(said.xp))).toEqual([0n]);
  });

  it('traces that translation goes on, with a time', () => {
    const { events, unread } = parseTimeline(text(said.trace.filter((line) => line.includes('vtd_'))));
    expect(unread).toBe(0);
    expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['root', 'command', 'enable']));
    expect(events.every(({ tMicros }) => tMicros !== null)).toBe(true);
  });

  it('traces writes to configuration space', () => {
    const writes = said.trace.filter((line) => line.includes('pci_cfg_write'));
    expect(writes.map((line) => parseConfigWrite(parseTraceLine(line)?.text ?? ''))).toEqual([
      { address: '00:01.0', offset: 0x10, value: 0xffff_ffff },
      { address: '00:01.0', offset: 0x10, value: 0 },
    ]);
  });

  it('says which events it has', () => {
    const [enabled, reset] = said.states;
    expect(enabled).toEqual([expect.objectContaining({ name: 'vtd_dmar_enable', state: 'enabled' })]);
    expect(reset).toEqual([
      expect.objectContaining({ name: expect.stringMatching(/^virtio_iommu_device_reset(_exit)?$/) as string }),
    ]);
  });
});

describe('an unknown QEMU', () => {
  const known = all.find(({ version }) => version.startsWith('7.2')) as Recorded;

  it.each(['intel', 'amd', 'virtio'])('without an event that is needed blinds iommu (%s)', async (iommu) => {
    const plan = hardware(iommu);
    for (const { event, shows } of tracesOf(plan)) {
      const missing = await missingFeatures(
        asked(known, (name) => name !== event),
        plan,
      );
      expect(missing.map(({ blinds }) => blinds)).toEqual(shows === null ? [] : [['iommu']]);
      for (const { why, hint } of missing) {
        expect(why).toContain(`${event} of QEMU, which shows ${shows}, is missing`);
        expect(hint).toContain('QEMU');
      }
    }
  });

  it.each([[[]], [{ events: 1 }], ['none'], [[{ name: 'vtd', state: 'disabled' }]]])(
    'that answers %j of its events blinds iommu',
    async (answer) => {
      const qemu = { ...asked(known, () => true), run: async () => answer };
      const missing = await missingFeatures(qemu, hardware('intel'));
      expect(missing.map(({ blinds }) => blinds)).toEqual([['iommu'], ['iommu'], ['iommu']]);
    },
  );

  it('whose memory is not understood blinds all that look at memory', async () => {
    const missing = await missingFeatures(
      asked({ ...known, mtree: ['{"ram": [0, 1]}\u001b[31m'] }, () => true),
      null,
    );
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatchObject({ blinds: ['outside', 'marks', 'page-state', 'taint'] });
    expect(missing[0]?.why).toContain('{"ram": [0, 1]}\\x1b');
  });

  it('whose registers are not understood blinds all that walk page tables', async () => {
    const missing = await missingFeatures(
      asked({ ...known, registers: ['cpu0 cr3 0'] }, () => true),
      null,
    );
    expect(missing.map(({ blinds }) => blinds)).toEqual([['marks', 'page-state', 'taint']]);
  });
});
