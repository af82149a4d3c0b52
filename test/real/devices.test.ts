// SPDX-License-Identifier: Apache-2.0
// The fast ones of scenarios/devices; the others are run by hand: `lab run scenarios/devices/*.yaml`.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { labRun, temporary, why } from './lab.js';
import { fastOf, labelled, runLabelled } from './support/labelled.js';

const all = labelled('devices');

/** What the run must show of devices and the IOMMU, besides its outcome. */
const SHOWS: Readonly<Record<string, { mismatches: string[]; carried: string | null; says: RegExp | null }>> = {
  'edu-recreate.yaml': { mismatches: [], carried: 'recreated', says: null },
  'edu-required.yaml': { mismatches: ['vfio'], carried: null, says: /no handler for a device's descriptor/ },
  'keep-check.yaml': { mismatches: ['pci'], carried: null, says: /v1 would be written, v2 is read/ },
  'keep-forget-page.yaml': { mismatches: ['iommu'], carried: 'kept', says: /when the next kernel was up|free memory/ },
  'keep-half-frozen-dead.yaml': {
    mismatches: ['pci'],
    carried: null,
    says: /^(?=[\s\S]*lukeep: refuses to freeze)(?=[\s\S]*its memory is no longer decoded)/,
  },
  'keep-interrupts-off.yaml': { mismatches: [], carried: 'kept', says: null },
  'keep.yaml': { mismatches: [], carried: 'kept', says: null },
  'tables-loop.yaml': { mismatches: ['iommu'], carried: 'recreated', says: /is above itself/ },
  'unplug-before-kexec.yaml': { mismatches: ['pci'], carried: 'lost', says: /is no longer there/ },
};

describe('devices', () => {
  it('at least 20 scenarios, each with its outcome', () => {
    expect(all.length).toBeGreaterThanOrEqual(20);
    expect(
      all
        .filter(({ label }) => label.expect?.endsIn === undefined || label.tags[0] !== 'devices')
        .map(({ name }) => name),
    ).toEqual([]);
    expect(fastOf(all).map(({ name }) => name)).toEqual(Object.keys(SHOWS));
  });

  it.each(fastOf(all))('$name: $label.expect.outcome', async (scenario) => {
    const { name } = scenario;
    const run = await runLabelled(scenario);
    const { mismatches, carried, says } = SHOWS[name]!;
    expect(
      run.result.mismatches.filter(({ source }) => source === 'run').map(({ component }) => component),
      why(run),
    ).toEqual(mismatches);
    expect(run.result.devices[0]?.carried, why(run)).toBe(carried);
    // The positive control: nothing was ever open, and what was under way arrived.
    if (name === 'keep.yaml')
      expect(run.result, why(run)).toMatchObject({
        iommu: { gapMs: 0, strays: [], tables: [{ same: 4096, handedOver: 13, leaked: 0 }] },
        devices: [{ resets: 0, transfer: { fate: 'landed' } }],
      });
    if (says !== null)
      expect(run.result.incidents.map(({ title, detail }) => `${title}: ${detail}`).join('\n')).toMatch(says);
  });
});

describe('a QEMU whose trace is silent', () => {
  const text =
    'from: 7.3.4\nto: 7.3.4\niommu: intel\nmachine: {qemuArgs: ["-D", "/dev/null"]}\n' +
    'sessions: [{name: vm0, files: [{name: ram, memfd: 4MiB}]}]\n' +
    'devices: [{name: edu0, device: edu, at: "05.0", map: [{file: vm0/ram, iova: 0x100000}]}]\n';

  it.each([
    [[], 'infra'],
    [['--without', 'iommu'], 'preserved'],
  ] as const)('%j: %s', async (args, outcome) => {
    const folder = temporary();
    try {
      writeFileSync(join(folder, 'silent.yaml'), text);
      const run = await labRun(join(folder, 'silent.yaml'), ['--trust', ...args]);
      expect(run.result, why(run)).toMatchObject({
        outcome,
        witnesses: { iommu: { looked: false, required: true, waived: outcome === 'preserved' } },
      });
      if (outcome === 'infra')
        expect(run.result.cause?.detail).toMatch(/no trace at all[\s\S]*another QEMU[\s\S]*--without iommu/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
