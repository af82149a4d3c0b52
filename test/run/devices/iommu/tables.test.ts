// SPDX-License-Identifier: Apache-2.0
// Which tables are compared over an update, and which differences are problems.
import { describe, expect, it } from 'vitest';
import type { DeviceTables, MappingRun } from '../../../../src/oracles/iommu/index.js';
import type { PageState } from '../../../../src/oracles/pages/page-state.js';
import { leftTables, tablesOf } from '../../../../src/run/devices/iommu/tables.js';
import type { ExpectedFile, FileState } from '../../../../src/run/state/file.js';
import { DeviceState, type TablesLook } from '../../../../src/run/state/device.js';
import { RunState } from '../../../../src/run/state/run-state.js';
import { parseScenario } from '../../../../src/scenario/index.js';
import { FakeControl } from '../../../fakes/parts.js';
import { FakeMemory } from '../../../qemu/fake-memory.js';

const PAGE = 4096;
const scenario = parseScenario(
  'from: a\nto: b\niommu: intel\nsessions: [{name: s}]\ndevices: [{name: e, device: edu, at: "05.0"}]\n',
  'x.yaml',
);

/** Ranges of whole pages: IOVA, page frame of the target, number of pages, rights. */
type Range = [iova: number, pfn: number, pages: number, rights?: MappingRun['rights']];

function tables(ranges: readonly Range[], more: Partial<DeviceTables> = {}): DeviceTables {
  return {
    iommu: 'intel',
    sourceId: 0x28,
    state: 'translated',
    mode: 'legacy',
    levels: 4,
    domain: 1,
    mappings: ranges.map(([iova, pfn, pages, rights = 'rw']) => ({
      iova: BigInt(iova),
      phys: pfn * PAGE,
      length: pages * PAGE,
      rights,
    })),
    tables: [{ phys: 0x50_0000, kind: 'second-level', level: 1 }],
    problems: [],
    problemCount: 0,
    complete: true,
    ...more,
  };
}

function look(
  epoch: number,
  moment: TablesLook['moment'],
  ranges: readonly Range[],
  { walked = {}, ...more }: Partial<TablesLook> & { walked?: Partial<DeviceTables> } = {},
): TablesLook {
  const base = { t: 0, free: [], contents: new Map<number, string>(), maps: [], damaged: false };
  return { ...base, epoch, moment, tables: tables(ranges, walked), ...more };
}

interface Case {
  looks: readonly TablesLook[];
  /** Page frames of files that were handed over, and of files as the running kernel has them. */
  expected?: Record<string, number>;
  files?: Record<string, number>;
  retrieved?: 'retrieved' | 'left';
  stateOf?: (phys: number) => PageState | null;
}

function judged({ looks, expected = {}, files = {}, retrieved = 'left', stateOf = () => null }: Case) {
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.tables.push(...looks);
  device.retrieved = retrieved === 'retrieved';
  const state = new RunState();
  for (const [name, pfn] of Object.entries(expected))
    state.expected.set(name, { name, runs: [{ page: 0, pfn, count: 2 }] } as ExpectedFile);
  for (const [name, pfn] of Object.entries(files))
    state.files.set(name, { name, runs: [{ page: 0, pfn, count: 2 }] } as FileState);
  return tablesOf({ machine: new FakeControl(new FakeMemory(16 << 20)), state }, device, 1, stateOf);
}

it('what the old kernel left is its last look, not the arrival of a kernel nor a look of another epoch', () => {
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.tables.push(look(0, 'use', [[0, 1, 1]]), look(0, 'kexec', [[0, 2, 1]]), look(0, 'arrival', [[0, 3, 1]]));
  device.tables.push(look(1, 'use', [[0, 4, 1]]));
  expect(leftTables(device, 1)?.tables.mappings[0]?.phys).toBe(2 * PAGE);
  expect(leftTables(device, 3)).toBeNull();
});

it('a device that was used in neither kernel has no entry, even if it arrived', () => {
  expect(judged({ looks: [look(1, 'arrival', [])] })).toBeNull();
});

describe('a mapping that changed over the update', () => {
  const looks = (after: readonly Range[]) => [look(0, 'kexec', [[0x10_0000, 256, 2]]), look(1, 'use', after)];

  it('is no problem where it stayed; the same pages are counted', () => {
    expect(judged({ looks: looks([[0x10_0000, 256, 2]]) })).toMatchObject({ same: 2, problems: [] });
  });

  it('names the file whose pages the device reaches now', () => {
    const found = judged({ looks: looks([[0x10_0000, 512, 2]]), expected: { own: 256, other: 512 } });
    expect(found?.problems).toEqual(['IOVA 0x100000 (8192 bytes) led to 0x100000, leads to 0x200000, which is other']);
  });

  it('is a problem where the new target has no owner', () => {
    expect(judged({ looks: looks([[0x10_0000, 512, 2]]) })?.problems).toEqual([
      'IOVA 0x100000 (8192 bytes) led to 0x100000, leads to 0x200000',
    ]);
  });

  it('is none where it is gone or new, unless a new one leads into a file that was handed over', () => {
    expect(judged({ looks: looks([]) })?.problems).toEqual([]);
    const moved = looks([[0x80_0000, 256, 2]]);
    expect(judged({ looks: moved })?.problems).toEqual([]);
    expect(judged({ looks: moved, expected: { own: 256 } })?.problems).toEqual([
      'IOVA 0x800000 (8192 bytes) led nowhere, leads to 0x100000, which is own',
    ]);
  });

  it('is none where user space asked the next kernel for it, and only there', () => {
    const files = { own: 256, other: 512, third: 514 };
    const swapped = (maps: TablesLook['maps'], after: readonly Range[]) =>
      judged({
        looks: [look(0, 'kexec', [[0x10_0000, 256, 2]]), look(1, 'use', after, { maps })],
        expected: files,
        files,
      })?.problems;
    const maps = [
      { file: 'other', iova: 0x10_0000, rights: 'rw' as const },
      { file: 'own', iova: 0x80_0000, rights: 'rw' as const },
    ];
    const after: readonly Range[] = [
      [0x10_0000, 512, 2],
      [0x80_0000, 256, 2],
    ];
    expect(swapped(maps, after)).toEqual([]);
    expect(swapped(maps.slice(1), after)).toEqual([
      'IOVA 0x100000 (8192 bytes) led to 0x100000, leads to 0x200000, which is other',
    ]);
    // It goes on behind the end of the file that was asked for.
    expect(swapped(maps, [[0x10_0000, 512, 3], after[1]!])).toEqual([
      'IOVA 0x102000 (4096 bytes) led nowhere, leads to 0x202000, which is third',
    ]);
    // It leads to other pages than those that were asked for.
    expect(swapped(maps, [[0x10_0000, 514, 2], after[1]!])).toContain(
      'IOVA 0x100000 (8192 bytes) led to 0x100000, leads to 0x202000, which is third',
    );
  });

  it('is one as a whole where user space asked for a part of it', () => {
    const maps = [{ file: 'other', iova: 0x10_0000, rights: 'rw' as const }];
    const looks = [look(0, 'kexec', [[0x10_0000, 256, 3]]), look(1, 'use', [[0x10_0000, 512, 3]], { maps })];
    expect(judged({ looks, files: { other: 512 } })?.problems).toEqual([
      'IOVA 0x100000 (12288 bytes) led to 0x100000, leads to 0x200000',
    ]);
  });
});

describe('tables while the next kernel boots', () => {
  const looks = [
    look(0, 'kexec', [[0x10_0000, 256, 4]]),
    look(1, 'arrival', [
      [0x10_0000, 256, 1],
      [0x10_1000, 900, 1],
      [0x10_2000, 258, 1, 'r'],
    ]),
  ];

  it('must lead where they did, for a device that came back', () => {
    expect(judged({ looks, retrieved: 'retrieved' })?.problems).toEqual([
      '3 pages led elsewhere when the next kernel was up; the first, IOVA 0x101000, led to 0x101000, then to 0x384000',
    ]);
  });

  it('do not matter for a device that the next kernel opened itself', () => {
    expect(judged({ looks })?.problems).toEqual([]);
  });

  it('are in danger in free memory', () => {
    const arrival = look(1, 'arrival', [[0x10_0000, 256, 4]], { free: [0x50_0000] });
    expect(judged({ looks: [looks[0]!, arrival], retrieved: 'retrieved' })?.problems).toEqual([
      expect.stringContaining(
        '1 of the 1 pages of its tables was free memory when the next kernel was up, the first at 0x500000',
      ),
    ]);
  });
});

describe('the tables in use', () => {
  it('must lead to the pages of each file that user space mapped', () => {
    const maps = [{ file: 's/f', iova: 0x10_0000, rights: 'rw' as const }];
    const use = look(1, 'use', [[0x10_0000, 300, 1]], { maps });
    expect(judged({ looks: [use], files: { 's/f': 256 } })?.problems).toEqual([
      's/f at 0x100000: 1 of 2 pages lead elsewhere, 1 nowhere; page 0 leads to 0x12c000, should to 0x100000',
    ]);
  });

  it('are judged by what a walk could not read, and not by notes on a complete one', () => {
    const problems = Array.from({ length: 9 }, (_, i) => ({
      kind: 'reserved-bits' as const,
      at: i,
      detail: `entry ${i}`,
    }));
    const after = (walked: Partial<DeviceTables>) =>
      judged({ looks: [look(1, 'use', [], { walked: { problems, ...walked } })] })?.problems;
    expect(after({ state: 'broken' })).toEqual(['entry 0', 'entry 1', 'entry 2', 'entry 3']);
    expect(after({ complete: false })).toHaveLength(4);
    expect(after({})).toEqual([]);
  });

  it('give a bounded result, whatever a kernel wrote into them', () => {
    const before = Array.from({ length: 100 }, (_, i): Range => [i * 2 * PAGE, 1000 + 2 * i, 1]);
    const after = before.map(([iova, pfn]): Range => [iova, pfn + 1000, 1]);
    const found = judged({ looks: [look(0, 'kexec', before), look(1, 'use', after)] });
    expect(found?.problems).toHaveLength(20);
    expect(found?.after).toMatchObject({ bytes: 100 * PAGE });
    expect(found?.after?.mappings).toHaveLength(32);
  });
});

it('pages that are still marked leaked, except those that are in use again', () => {
  const contents = new Map([
    [0x50_0000, 'a'],
    [0x60_0000, 'b'],
    [0x61_0000, 'c'],
  ]);
  const found = judged({
    looks: [look(0, 'kexec', [], { contents }), look(1, 'use', [])],
    stateOf: (phys) => (phys === 0x61_0000 ? 'free' : 'handed-over'),
  });
  expect(found).toMatchObject({ handedOver: 3, leaked: 1, problems: [] });
});
