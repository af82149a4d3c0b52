// SPDX-License-Identifier: Apache-2.0
// The number of pages in a map of preserved memory, in both of its formats.
import { describe, expect, it } from 'vitest';
import { HandoverError, trackedPages, Walk } from '../../../src/handover/index.js';
import { AT, packedWorld, treeWorld, type World } from '../world.js';

const PAGE = 4096;
/** Both worlds preserve four single pages and an area of 16. */
const PAGES = 20;

const pagesOf = ({ source }: World) => trackedPages(new Walk(source));

describe('the number of preserved pages', () => {
  it('in a radix tree', () => expect(pagesOf(packedWorld())).toBe(PAGES));
  it('in a list of bitmaps', () => expect(pagesOf(treeWorld())).toBe(PAGES));

  it('includes another area', () => {
    const world = treeWorld();
    // The bitmap of order 4: another area of 16 pages.
    const word = (AT.map + 3) * PAGE + 8;
    world.memory.write(word, Uint8Array.of(1));
    expect(pagesOf(world)).toBe(PAGES + 16);
  });

  it('is an error if a tree or a list has a loop', () => {
    const tree = packedWorld();
    const root = Buffer.alloc(PAGE);
    // Every entry of the root points to the root.
    for (let at = 0; at < PAGE; at += 8) root.writeBigUInt64LE(BigInt(AT.map * PAGE), at);
    tree.memory.write(AT.map * PAGE, root);
    expect(() => pagesOf(tree)).toThrow(HandoverError);
    const list = treeWorld();
    const self = Buffer.alloc(8);
    self.writeBigUInt64LE(BigInt(AT.map * PAGE));
    list.memory.write(AT.map * PAGE, self);
    expect(() => pagesOf(list)).toThrow(HandoverError);
  });
});
