// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { findStrays, takeSnapshot } from '../../../src/oracles/iommu/index.js';
import { Pattern } from '../../../src/oracles/files/pattern.js';
import { FakeMemory } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const content = new Pattern({ size: 4 * PAGE, seed: 7, holes: [] });
const [first, second] = [content.page(0), content.page(1)];
const transfers = [
  { iova: 0x100000, content: first },
  { iova: 0x101800, content: second },
];

function world() {
  const memory = new FakeMemory(8 << 20);
  const read = (phys: number, into: Uint8Array): boolean => memory.read(phys, into);
  return { memory, read, snapshot: takeSnapshot(read, transfers) };
}

it('finds nothing if nothing strayed', () => {
  const { read, snapshot } = world();
  expect(findStrays(read, snapshot)).toEqual({ strays: [], bytes: 0, looked: 2 * PAGE, unmeasurable: 0 });
});

it('finds all of one transfer and a part of another, across page boundaries', () => {
  const { memory, read, snapshot } = world();
  memory.write(0x100000, first);
  memory.write(0x101800 + 64, second.subarray(64, 3072));
  expect(findStrays(read, snapshot)).toMatchObject({
    strays: [
      { phys: 0x100000, length: PAGE },
      { phys: 0x101840, length: 3008 },
    ],
    bytes: PAGE + 3008,
  });
});

it('ignores memory that changed to something else, and matches of a few bytes', () => {
  const { memory, read, snapshot } = world();
  memory.write(0x100000, content.page(3));
  memory.write(0x101800, second.subarray(0, 15));
  expect(findStrays(read, snapshot)).toMatchObject({ strays: [], bytes: 0 });
});

it('concludes nothing from content that was there before', () => {
  const { memory, read } = world();
  memory.write(0x100000, first);
  expect(findStrays(read, takeSnapshot(read, transfers))).toEqual({
    strays: [],
    bytes: 0,
    looked: 2 * PAGE,
    unmeasurable: PAGE,
  });
});

it('concludes nothing from one byte repeated', () => {
  const memory = new FakeMemory(8 << 20);
  const read = (phys: number, into: Uint8Array): boolean => memory.read(phys, into);
  memory.write(0x100000, new Uint8Array(PAGE).fill(1));
  const snapshot = takeSnapshot(read, [{ iova: 0x100000, content: new Uint8Array(PAGE) }]);
  memory.write(0x100000, new Uint8Array(PAGE));
  expect(findStrays(read, snapshot)).toEqual({ strays: [], bytes: 0, looked: PAGE, unmeasurable: PAGE });
});

it('finds no stray where a transfer may write', () => {
  const { memory, read, snapshot } = world();
  memory.write(0x100000, first);
  expect(
    findStrays(read, snapshot, [
      { phys: 0xff000, length: 0x1800 },
      { phys: 0x400000, length: 16 },
    ]),
  ).toMatchObject({ strays: [], unmeasurable: PAGE });
});

it('counts addresses without RAM', () => {
  const { read } = world();
  const snapshot = takeSnapshot(read, [{ iova: (8 << 20) - 2048, content: content.page(0) }]);
  expect(snapshot).toMatchObject({ unreadable: 2048, pieces: [{ transfer: { iova: (8 << 20) - 2048 } }] });
  expect(takeSnapshot(read, [{ iova: (8 << 20) - PAGE, content: new Uint8Array(2 * PAGE) }])).toMatchObject({
    unreadable: PAGE,
    pieces: [{ transfer: { iova: (8 << 20) - PAGE } }],
  });
});

it('handles a large buffer in every other page: bounded and fast', () => {
  const memory = new FakeMemory(256 << 20);
  const read = (phys: number, into: Uint8Array): boolean => memory.read(phys, into);
  const many = Array.from({ length: 4096 }, (_, i) => ({ iova: i * 2 * PAGE, content: content.page(0) }));
  const snapshot = takeSnapshot(read, many);
  for (const { iova } of many) memory.write(iova, content.page(0));
  const start = performance.now();
  const found = findStrays(read, snapshot);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(found.strays).toHaveLength(256);
  expect(found.bytes).toBe(4096 * PAGE);
});
