// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIRST_READERS, SERIES } from '../../../src/handover/readers/first-readers.js';
import {
  lastRungOfFault,
  lastRungOfPlace,
  placeKey,
  type Reader,
  seriesOf,
} from '../../../src/handover/readers/last-rung.js';
import { LEFT_ALONE } from '../../../src/handover/readers/left-alone.js';
import { lastRungOf } from '../../../src/handover/readers/of-scenario.js';
import { RUNGS } from '../../../src/model/result/snapshot.js';
import type { Fault } from '../../../src/model/scenario/scenario.js';
import { loadScenario } from '../../../src/scenario/index.js';
import { PLACE_TEMPLATES, parsePlace } from '../../../src/scenario/validate/place.js';

const reader = (release: string, more: Partial<Reader> = {}): Reader => ({
  release,
  stock: true,
  reservesMemory: false,
  hasObject: false,
  ...more,
});
const STOCK = reader('7.3.4-lab');

/** A place as a scenario writes it. */
function place(text: string) {
  const parsed = parsePlace(text);
  if (!('place' in parsed)) throw new Error(parsed.message);
  return parsed.place;
}

/** A template of a place with a name in each pair of brackets. */
const filled = (template: string) =>
  template
    .replaceAll('[N]', '[3]')
    .replaceAll('SESSION/FILE', 'vm0/1')
    .replaceAll(/\[[A-Z]+\]/g, '[vm0]');

describe('the table of first readers', () => {
  it('has every place that a scenario can name, and no other', () => {
    const keys = PLACE_TEMPLATES.map((template) => placeKey(place(filled(template))));
    expect([...new Set(keys)].sort()).toEqual(Object.keys(FIRST_READERS).sort());
  });

  it('knows the reader in a series of kernels, or says that there is no such place', () => {
    for (const [key, { of }] of Object.entries(FIRST_READERS)) {
      const known = SERIES.flatMap((series) => of[series] ?? []);
      expect(known.length, key).toBeGreaterThan(0);
      for (const { rung, by } of known) {
        expect(RUNGS.slice(2), key).toContain(rung);
        expect(by, key).toMatch(/^[a-z]\w+$/);
      }
    }
  });

  it('has every place that the old kernel leaves alone', () => {
    for (const keys of Object.values(LEFT_ALONE)) {
      for (const key of keys) expect(FIRST_READERS).toHaveProperty([key]);
    }
  });
});

describe('the last rung of a place', () => {
  const rungIn = (release: string, text: string, more: Partial<Reader> = {}) =>
    lastRungOfPlace(place(text), reader(release, more)).rung;

  it('is the jump for a kernel whose code is not known', () => {
    expect(rungIn('7.4.1', 'file[vm0/1].token')).toBe('jump');
    expect(rungIn('6.18.15-lab', 'kho.version')).toBe('jump');
    expect(rungIn('7.3.4-lab', 'file[vm0/1].token', { stock: false })).toBe('jump');
    expect(seriesOf({ release: null, stock: true })).toBeNull();
    expect(seriesOf({ release: '7.30.1', stock: true })).toBeNull();
  });

  it('depends on the series: since 7.2 the sessions are read early', () => {
    expect(SERIES.map((series) => rungIn(`${series}.1-lab`, 'sessions.count'))).toEqual(['open', 'open', 'luo', 'luo']);
    expect(SERIES.map((series) => rungIn(`${series}.1-lab`, 'sessions.next'))).toEqual(['jump', 'jump', 'luo', 'luo']);
  });

  it('is earlier for nodes of the root tree if something else searches it', () => {
    expect(rungIn('7.3.4-lab', 'kho.node[LUO]')).toBe('luo');
    expect(rungIn('7.3.4-lab', 'kho.node[LUO]', { reservesMemory: true })).toBe('kho');
    expect(rungIn('7.3.4-lab', 'luo.size', { hasObject: true })).toBe('kho');
    expect(rungIn('7.3.4-lab', 'luo.version', { reservesMemory: true })).toBe('luo');
    expect(rungIn('7.4.0', 'luo.size', { reservesMemory: true })).toBe('jump');
  });
});

it('a fault that acts at once, or on all memory, is injected at the jump', () => {
  const faults: Fault[] = [
    { kind: 'nmi' },
    { kind: 'reset' },
    { kind: 'stop' },
    { kind: 'triple-fault' },
    { kind: 'unplug', device: 'd' },
    { kind: 'iommu-table', device: 'd', damage: 'loop' },
    { kind: 'replace', find: 'luo-v5', write: 'luo-v9', where: 'page-start' },
  ];
  for (const fault of faults) expect(lastRungOfFault(fault, STOCK).rung, fault.kind).toBe('jump');
  const flip: Fault = { kind: 'flip', file: 'ram', page: 1, offset: 2, mask: 4 };
  expect(lastRungOfFault(flip, STOCK).rung).toBe('retrieve');
  expect(lastRungOfFault(flip, { ...STOCK, stock: false }).rung).toBe('jump');
});

describe('the last rung of a shipped scenario', () => {
  const rungs = async (folder: string) =>
    Object.fromEntries(
      (await Promise.all(readdirSync(folder).map((name) => loadScenario(join(folder, name))))).map((scenario) => {
        const { name, steps, kernels, reserveMem } = scenario;
        const [from = '', to = ''] = kernels;
        const reads = reader(`${to}-lab`, { reservesMemory: reserveMem.length > 0 });
        const { rung } = lastRungOf(steps, { from: { release: `${from}-lab`, stock: true }, to: reads });
        return [name, rung];
      }),
    );

  it('each fault of the corpus has its own', async () => {
    const byRung = Object.groupBy(Object.entries(await rungs('scenarios/mismatch/faults')), ([, rung]) => rung);
    const names = Object.fromEntries(
      Object.entries(byRung).map(([rung, list]) => [rung, list.map(([name]) => name).sort()]),
    );
    expect(names).toEqual({
      kho: [
        '6.19-kho-map-pointer',
        'kho-map-missing',
        'kho-map-pointer',
        'kho-map-zero',
        'kho-root-damaged',
        'kho-version',
        'memblock-version',
        'reserve-mem-size',
        'reserve-mem-version',
      ],
      luo: [
        '6.19-session-version',
        '7.1-flb-version',
        '7.1-session-version',
        'luo-absent',
        'luo-absent-as-cold-boot',
        'luo-number',
        'luo-sessions-pointer',
        'luo-size-too-small',
        'luo-version',
        'metadata-version',
        'sessions-circle',
        'sessions-count-too-big',
        'sessions-count-zero',
      ],
      open: [
        // Its fault is made in the next kernel.
        'content-late',
        'file-data-pointer',
        'file-handler-unknown',
        'file-handler-unknown-for-ever',
        'file-token',
        'files-circle',
        'files-count-zero',
        'session-file-count-too-big',
        'session-renamed',
      ],
      retrieve: [
        '6.19-memfd-pfn-offline',
        'content-at-the-jump',
        'memfd-folio-not-uptodate',
        'memfd-folios-fewer',
        'memfd-folios-more',
        'memfd-index-beyond',
        'memfd-index-twice',
        'memfd-list-pointer',
        'memfd-pfn-not-preserved',
        'memfd-pfn-offline',
        'memfd-pfn-offline-for-ever',
        'memfd-pfn-twice',
        'memfd-position',
        'memfd-seals-unknown',
        'memfd-size-less',
        'memfd-size-more',
      ],
    });
  });

  it('a scenario of many places can be resumed somewhere', async () => {
    for (const [name, rung] of Object.entries(await rungs('scenarios/places'))) expect(RUNGS, name).toContain(rung);
  });

  it('a fault that cannot wait for the jump leaves only the first boot', async () => {
    const { steps } = await loadScenario('scenarios/mismatch/faults/memfd-position.yaml');
    const early = steps.map((step) => (step.op === 'fault' ? { ...step, at: 'now' as const } : step));
    // The kexec itself writes the position, so a change before it is lost.
    expect(lastRungOf(early, { from: STOCK, to: STOCK }).rung).toBe('booted');
  });

  it('several faults are injected at the earliest of their rungs', async () => {
    const names = ['memfd-position', 'luo-version', 'file-token'];
    const all = await Promise.all(names.map((name) => loadScenario(`scenarios/mismatch/faults/${name}.yaml`)));
    const both = all.flatMap(({ steps }) => steps);
    expect(lastRungOf(both, { from: STOCK, to: STOCK }).rung).toBe('luo');
    expect(lastRungOf([], { from: STOCK, to: STOCK }).rung).toBe('jump');
  });
});
