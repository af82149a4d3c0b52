// SPDX-License-Identifier: Apache-2.0
// A whole handover as data, in both formats; and the pages that were read for it are enough to read it replay.
import { describe, expect, it } from 'vitest';
import { changeAt, dumpHandover, findPlace, findRoots, PageCache } from '../../src/handover/index.js';
import { parsePlace } from '../../src/scenario/validate/place.js';
import { AT, packedWorld, treeWorld, type World } from './world.js';

const PAGE = 4096;

function inject({ memory, source }: World, text: string, change: Parameters<typeof changeAt>[1]): void {
  const parsed = parsePlace(text);
  if ('message' in parsed) throw new Error(parsed.message);
  const { phys, bytes } = changeAt(findPlace(source, parsed.place), change, (at, length) => {
    const now = new Uint8Array(length);
    memory.read(at, now);
    return now;
  });
  memory.write(phys, bytes);
}

const FOLIOS = [
  { index: '0', pfn: '0x100', step: 1, pages: 4, folios: 4, flags: 3, preserved: true },
  { index: '4', pfn: '0x110', step: 1, pages: 16, folios: 1, flags: 3, preserved: true },
];

describe('a dump', () => {
  it('of 7.3 contains everything', () => {
    const dump = dumpHandover(packedWorld().source);
    expect(dump.problems).toEqual([]);
    expect(dump.kho).toMatchObject({ version: 'kho-v4', map: '0x20000' });
    expect(dump.kho.nodes).toEqual([
      { name: 'LUO', phys: '0x11000', size: '32' },
      { name: 'memblock', phys: '0x1a000', size: null },
      { name: 'kexec-metadata', phys: '0x19000', size: '73' },
    ]);
    expect(dump.preserved).toEqual({
      pages: 20,
      areas: 5,
      runs: [
        { pfn: '0x100', pages: 4 },
        { pfn: '0x110', pages: 16 },
      ],
      cut: false,
    });
    expect(dump.metadata).toEqual({ version: 1, release: '7.3.4', kexecs: 0 });
    expect(dump.reserved).toEqual([{ name: 'log', version: 'reserve-mem-v1', start: '0x100000', size: '8192' }]);
    expect(dump.luo).toEqual({ version: 'luo-v5', phys: '0x11000', number: '1', sessions: '0x12000', flbs: '0x18000' });
    expect(dump.sessions).toMatchObject([
      { name: 'empty', count: '0', files: [], problem: null },
      {
        name: 'vm0',
        count: '1',
        problem: null,
        files: [
          {
            token: '7',
            compatible: 'memfd-v2',
            data: '0x15000',
            problem: null,
            memfd: { pos: '5', size: '81920', seals: 1, flags: 2, nrFolios: '5', folios: FOLIOS },
          },
        ],
      },
    ]);
  });

  it('of 6.19 contains the same', () => {
    const dump = dumpHandover(treeWorld().source);
    expect(dump.problems).toEqual([]);
    expect(dump).toMatchObject({
      kho: { version: 'kho-v1' },
      luo: { version: 'luo-v1', flbs: '0x0' },
      metadata: null,
      preserved: { pages: 20, areas: 5 },
    });
    expect(dump.sessions[1]?.files[0]?.memfd).toMatchObject({ seals: null, flags: null, folios: FOLIOS });
  });

  it.each<[string, Parameters<typeof changeAt>[1], (dump: ReturnType<typeof dumpHandover>) => unknown, unknown]>([
    [
      'kho.map',
      { how: 'remove' },
      ({ problems, sessions }) => [problems[0], sessions[1]?.files[0]?.memfd?.folios[0]?.preserved],
      ['the map of preserved memory: the root tree: property preserved-memory-map does not exist', null],
    ],
    [
      'kho.map.leaf',
      { how: 'flip', mask: '0x20000' },
      ({ sessions }) => sessions[1]?.files[0]?.memfd?.folios.some(({ preserved }) => preserved === false),
      true,
    ],
    [
      'sessions.next',
      { how: 'self' },
      ({ problems, sessions }) => [problems, sessions.map(({ name }) => name)],
      [['the sessions: the blocks of the sessions do not end'], ['empty']],
    ],
    [
      'session[vm0].count',
      { how: 'number', value: '3' },
      ({ sessions }) => sessions[1]?.problem,
      'it claims 3 files, but 1 are serialized',
    ],
    [
      'session[vm0].files',
      { how: 'number', value: '0x3fffffff000' },
      ({ sessions }) => sessions[1]?.problem,
      'the first block of the files of a session: no memory at 0x3fffffff000 (4096 bytes)',
    ],
    [
      'file[vm0/7].data',
      { how: 'number', value: '0' },
      ({ sessions }) => sessions[1]?.files[0]?.problem,
      'luo_file_ser.data: it is not there (the address is 0)',
    ],
    [
      'memfd[vm0/7].nr_folios',
      { how: 'number', value: '600' },
      ({ sessions }) => [sessions[1]?.files[0]?.problem, sessions[1]?.files[0]?.memfd?.folios.length],
      ['the file: a block of its list of folios: it is not there (the address is 0)', 253],
    ],
    [
      'file[vm0/7].compatible',
      { how: 'text', text: 'object-v1' },
      ({ sessions }) => sessions[1]?.files[0],
      { phys: '0x14010', token: '7', compatible: 'object-v1', data: '0x15000', memfd: null, problem: null },
    ],
    ['kho.root', { how: 'number', value: '0' }, ({ problems }) => problems.length, 2],
  ])('with %s changed (%j) records the problem and continues', (place, change, pick, expected) => {
    const world = packedWorld();
    inject(world, place, change);
    expect(pick(dumpHandover(world.source))).toEqual(expected);
  });
});

it('joins folios at descending addresses into one run', () => {
  const world = packedWorld();
  for (let i = 0; i < 4; i++)
    inject(world, `memfd[vm0/7].folio[${i}].pfn`, { how: 'number', value: String(AT.content + 3 - i) });
  expect(dumpHandover(world.source).sessions[1]?.files[0]?.memfd?.folios).toEqual([
    { index: '0', pfn: '0x103', step: -1, pages: 4, folios: 4, flags: 3, preserved: true },
    FOLIOS[1],
  ]);
});

it.each([
  ['7.3', packedWorld],
  ['6.19', treeWorld],
] as const)('the pages that the dump of %s has read hold all of it, and none of the content', (_, make) => {
  const { source } = make();
  const cache = new PageCache(source.read);
  const dump = dumpHandover({ ...source, read: cache.read });
  const pages = new Map(cache.pages().map(({ pfn, bytes }) => [pfn, bytes]));
  expect(pages.has(AT.content)).toBe(false);
  const replay = new PageCache((phys, into) => {
    const page = pages.get(phys / PAGE);
    if (page !== undefined) into.set(page);
    return page !== undefined;
  });
  expect(dumpHandover({ ...source, read: replay.read })).toEqual(dump);
});

it('finds a root by its content', () => {
  const { memory } = packedWorld();
  const pages = Array.from({ length: 64 }, (_, i) => {
    const bytes = new Uint8Array(PAGE);
    memory.read(i * PAGE, bytes);
    return { phys: i * PAGE, bytes };
  });
  expect(findRoots(pages)).toEqual([AT.root * PAGE]);
  expect(findRoots(pages.filter(({ phys }) => phys !== AT.root * PAGE))).toEqual([]);
});
