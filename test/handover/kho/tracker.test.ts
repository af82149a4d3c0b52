// SPDX-License-Identifier: Apache-2.0
// The preserved pages of a kernel before 7.1: xarrays of bitmaps in its own memory.
import { describe, expect, it } from 'vitest';
import { HandoverError, trackedInXarray } from '../../../src/handover/index.js';

const KHO_OUT = 0xffff_ffff_8200_0000n;
const VARIABLE = { start: KHO_OUT, end: KHO_OUT + 0x60n };
/** Offset of `track`: after a pointer, a flag and a mutex of 32 bytes. */
const TRACK = KHO_OUT + 48n;
const HEAP = 0xffff_8880_0100_0000n;

/** A kernel's memory, by pages. */
class Kernel {
  private readonly pages = new Map<bigint, Buffer>();
  private next = HEAP;

  readonly read = (linear: bigint, into: Uint8Array): boolean => {
    for (let at = 0; at < into.length; at++) {
      const page = this.pages.get((linear + BigInt(at)) >> 12n);
      if (page === undefined) return false;
      into[at] = page[Number((linear + BigInt(at)) & 4095n)] as number;
    }
    return true;
  };

  allocate(pages = 1): bigint {
    const at = this.next;
    for (let page = 0; page < pages; page++) this.pages.set((at >> 12n) + BigInt(page), Buffer.alloc(4096));
    this.next += BigInt(pages) * 4096n;
    return at;
  }

  map(linear: bigint): void {
    this.pages.set(linear >> 12n, Buffer.alloc(4096));
  }

  word(at: bigint, value: bigint): void {
    this.pages.get(at >> 12n)?.writeBigUInt64LE(value, Number(at & 4095n));
  }

  /** A page with some bits set. */
  bitmap(bits: number): bigint {
    const at = this.allocate();
    for (let bit = 0; bit < bits; bit++) {
      const page = this.pages.get(at >> 12n) as Buffer;
      page[bit >> 3] = (page[bit >> 3] as number) | (1 << (bit & 7));
    }
    return at;
  }

  node(xarray: bigint, shift: number, slots: readonly [number, bigint][]): bigint {
    const at = this.allocate();
    this.word(at, BigInt(shift));
    this.word(at + 16n, xarray);
    for (const [slot, value] of slots) this.word(at + 40n + BigInt(8 * slot), value);
    return at + 2n;
  }
}

/**
 * A kernel with its variable: pointer to the tree, flag, mutex (its list head points to itself), map, two directory
 * entries.
 */
function kernel(): Kernel {
  const made = new Kernel();
  made.map(KHO_OUT);
  made.word(KHO_OUT, made.allocate());
  for (const at of [32n, 40n]) made.word(KHO_OUT + at, KHO_OUT + 32n);
  made.word(KHO_OUT + 64n, made.allocate());
  made.word(KHO_OUT + 72n, made.allocate());
  return made;
}

/** The bitmaps of one order: a single one at 0, or a tree. */
function order(made: Kernel, head: (xarray: bigint) => bigint): bigint {
  const at = made.allocate();
  made.word(at + 8n, head(at));
  return at;
}

describe('the number of pages that 6.19 preserves', () => {
  it('is one if one bit of order 0 is set', () => {
    const made = kernel();
    made.word(
      TRACK + 8n,
      order(made, () => made.bitmap(1)),
    );
    expect(trackedInXarray(made.read, VARIABLE)).toBe(1);
  });

  it('includes every order and every bitmap', () => {
    const made = kernel();
    const zero = order(made, (xarray) =>
      made.node(xarray, 0, [
        [0, made.bitmap(100)],
        [3, made.bitmap(7)],
      ]),
    );
    // With more than 64 bitmaps (8 GiB) the tree has two levels.
    const nine = order(made, (xarray) => made.node(xarray, 6, [[1, made.node(xarray, 0, [[2, made.bitmap(2)]])]]));
    made.word(
      TRACK + 8n,
      made.node(TRACK, 0, [
        [0, zero],
        [9, nine],
      ]),
    );
    expect(trackedInXarray(made.read, VARIABLE)).toBe(107 + 2 * 512);
  });

  it.each<[string, (made: Kernel) => void]>([
    ['there is no map', () => undefined],
    [
      'nothing is set in it',
      (made) =>
        made.word(
          TRACK + 8n,
          order(made, () => made.bitmap(0)),
        ),
    ],
    [
      'a node belongs to another xarray',
      (made) => made.word(TRACK + 8n, made.node(TRACK + 8n, 0, [[0, order(made, () => made.bitmap(1))]])),
    ],
    [
      'a node leads to itself',
      (made) => {
        const node = made.node(TRACK, 6, []);
        made.word(node - 2n + 40n, node);
        made.word(TRACK + 8n, node);
      },
    ],
    [
      'an order is too large',
      (made) => made.word(TRACK + 8n, made.node(TRACK, 0, [[11, order(made, () => made.bitmap(1))]])),
    ],
    [
      'a bitmap is no page',
      (made) =>
        made.word(
          TRACK + 8n,
          order(made, () => made.bitmap(1) + 8n),
        ),
    ],
    [
      'a bitmap is not mapped',
      (made) =>
        made.word(
          TRACK + 8n,
          order(made, () => HEAP + 0x1000_0000n),
        ),
    ],
  ])('is unknown if %s', (_, change) => {
    const made = kernel();
    change(made);
    expect(() => trackedInXarray(made.read, VARIABLE)).toThrow(HandoverError);
  });
});
