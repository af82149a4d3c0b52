// SPDX-License-Identifier: Apache-2.0
// The pages of a handover, in both formats, no matter who preserved them.
import { describe, expect, it } from 'vitest';
import { findPlace, listPages } from '../../../src/handover/index.js';
import { parsePlace } from '../../../src/scenario/validate/place.js';
import { AT, packedWorld, treeWorld, type World } from '../world.js';

const RUNS = [
  { page: 0, pfn: AT.content, count: 4 },
  { page: 4, pfn: AT.content + 16, count: 16 },
];
const LOG = { kind: 'reserved', session: null, name: 'log', runs: [{ page: 0, pfn: 0x100, count: 2 }] };

function write({ memory, source }: World, place: string, value: bigint): void {
  const parsed = parsePlace(place);
  if ('message' in parsed) throw new Error(parsed.message);
  memory.writeU64(findPlace(source, parsed.place).phys, value);
}

describe('a list of what is handed over', () => {
  it.each([
    { name: '7.3', world: packedWorld, handler: 'memfd-v2', seals: 1 },
    { name: '6.19', world: treeWorld, handler: 'memfd-v1', seals: null },
  ])('of $name has every page of every file, and the state that its handler wrote', ({ world, handler, seals }) => {
    const { listed, sessions, pages, unclaimed, problems } = listPages(world().source);
    expect({ sessions, pages, unclaimed, problems }).toEqual({ sessions: 2, pages: 20, unclaimed: [], problems: [] });
    expect(listed).toMatchObject([
      LOG,
      {
        kind: 'file',
        session: 'vm0',
        name: '7',
        handler,
        runs: RUNS,
        memfd: { size: 20n * 4096n, position: 5n, seals },
        problem: null,
      },
    ]);
  });

  it('knows the pages of a handler that it does not know as pages of nobody', () => {
    const world = packedWorld();
    world.memory.write(AT.files * 4096 + 16, Buffer.from('other-v1\0'));
    const { listed, unclaimed } = listPages(world.source);
    expect(listed[1]).toMatchObject({ handler: 'other-v1', runs: [], memfd: null, problem: null });
    expect(unclaimed).toEqual([
      { pfn: AT.content + 2, count: 2 },
      { pfn: AT.content + 16, count: 16 },
    ]);
  });

  it('says which file has a list that ends too early, and goes on', () => {
    const world = packedWorld();
    write(world, 'memfd[vm0/7].folios.next', 0n);
    world.memory.writeU64(AT.chunk * 4096 + 8, 0n);
    expect(listPages(world.source).listed[1]?.problem).toMatch(/a block of its list of folios: it is not there/);
  });

  it('never throws: what cannot be read is a problem of the list', () => {
    const { source } = packedWorld();
    const { problems, listed } = listPages({ ...source, read: () => false });
    expect(listed).toEqual([]);
    expect(problems.join('\n')).toMatch(/the map of preserved memory.*\n.*the root tree/);
  });
});
