// SPDX-License-Identifier: Apache-2.0
// The fast ones of scenarios/devices; the others are run by hand: `lab run scenarios/devices/*.yaml`.
import { describe, expect, it } from 'vitest';
import { why } from './lab.js';
import { fastOf, labelled, runLabelled } from './labelled.js';

const all = labelled('devices');

/** What the run must show of devices and the IOMMU, besides its outcome. */
const SHOWS: Readonly<Record<string, { mismatches: string[]; carried: string | null; says: RegExp | null }>> = {
  'edu-recreate.yaml': { mismatches: [], carried: 'recreated', says: null },
  'edu-required.yaml': { mismatches: ['vfio'], carried: null, says: /no handler for a device's descriptor/ },
  'keep-check.yaml': { mismatches: ['pci'], carried: null, says: /v1 would be written, v2 is read/ },
  'keep-forget-page.yaml': { mismatches: ['iommu'], carried: 'kept', says: /when the next kernel was up|free memory/ },
  'keep.yaml': { mismatches: [], carried: 'kept', says: null },
  'tables-loop.yaml': { mismatches: ['iommu'], carried: 'recreated', says: /is above itself/ },
  'unplug-before-kexec.yaml': { mismatches: ['pci'], carried: 'lost', says: /is no longer there/ },
};

describe('devices', () => {
  it('at least 20 scenarios, each with its outcome', () => {
    expect(all.length).toBeGreaterThanOrEqual(20);
    expect(all.filter(({ label }) => label.expect?.endsIn === undefined || label.tags[0] !== 'devices').map(({ name }) => name)).toEqual([]);
    expect(fastOf(all).map(({ name }) => name)).toEqual(Object.keys(SHOWS));
  });

  it.each(fastOf(all))('$name: $label.expect.outcome', async (scenario) => {
    const { name } = scenario;
    const run = await runLabelled(scenario);
    const { mismatches, carried, says } = SHOWS[name]!;
    expect(run.result.mismatches.filter(({ source }) => source === 'run').map(({ component }) => component), why(run)).toEqual(mismatches);
    expect(run.result.devices[0]?.carried, why(run)).toBe(carried);
    // The positive control: nothing was ever open, and what was under way arrived.
    if (name === 'keep.yaml') expect(run.result, why(run)).toMatchObject({ iommu: { gapMs: 0, strays: [], tables: [{ same: 4096, handedOver: 13, leaked: 0 }] }, devices: [{ resets: 0, transfer: { fate: 'landed' } }] });
    if (says !== null) expect(run.result.incidents.map(({ title, detail }) => `${title}: ${detail}`).join('\n')).toMatch(says);
  });
});
