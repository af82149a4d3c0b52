// SPDX-License-Identifier: Apache-2.0
// The content that the agent writes and the oracles expect (docs/agent-protocol.md, "Content pattern"). Every word of
// every page of every file differs from its neighbour, so a page that is lost, stale, swapped or foreign is noticed,
// and it can be identified.
import type { PageRange } from '../../model/scenario/scenario.js';

export const PAGE = 4096;
const WORDS = PAGE / 4;

/** The content of one file. */
export interface Content {
  /** Bytes. */
  size: number;
  seed: number;
  holes: readonly PageRange[];
}

/** A 32-bit integer hash. */
export function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

export class Pattern {
  private readonly base: Uint32Array;
  private readonly tagSeeds: [number, number];

  constructor(readonly content: Content) {
    const { seed } = content;
    this.base = new Uint32Array(WORDS);
    const start = Math.imul(seed, 0x9e3779b1);
    for (let j = 0; j < WORDS; j++) this.base[j] = mix((start + j) >>> 0);
    this.tagSeeds = [mix((seed + 0x85ebca6b) >>> 0), mix((seed + Math.imul(0x85ebca6b, 2)) >>> 0)];
  }

  /** Number of pages; the last one may be partial. */
  get pages(): number {
    return Math.ceil(this.content.size / PAGE);
  }

  isHole(page: number): boolean {
    return this.content.holes.some((hole) => page >= hole.first && page < hole.first + hole.count);
  }

  /** Bytes of `page` that belong to the file; the rest of the page is zero. */
  private bytesIn(page: number): number {
    return this.isHole(page) ? 0 : Math.max(0, Math.min(PAGE, this.content.size - page * PAGE));
  }

  /**
   * Compares one page.
   * @param at index of the page's first word in `words`; 1024 words follow
   * @returns byte offset of the first difference within the page, or -1
   */
  compare(page: number, words: Uint32Array, at: number): number {
    const bytes = this.bytesIn(page);
    if (bytes !== PAGE) return this.comparePartial(page, words, at);
    const base = this.base;
    const even = mix((this.tagSeeds[0] + page) >>> 0);
    const odd = mix((this.tagSeeds[1] + page) >>> 0);
    // The loop has no branch and takes four words a turn. Only a page that differs is searched for the place.
    let difference = 0;
    for (let j = 0; j < WORDS; j += 4) {
      difference |=
        ((words[at + j] as number) ^ (base[j] as number) ^ even) |
        ((words[at + j + 1] as number) ^ (base[j + 1] as number) ^ odd) |
        ((words[at + j + 2] as number) ^ (base[j + 2] as number) ^ even) |
        ((words[at + j + 3] as number) ^ (base[j + 3] as number) ^ odd);
    }
    return difference === 0 ? -1 : this.comparePartial(page, words, at);
  }

  private comparePartial(page: number, words: Uint32Array, at: number): number {
    const want = this.page(page);
    const got = new Uint8Array(words.buffer, words.byteOffset + at * 4, PAGE);
    for (let i = 0; i < PAGE; i++) if (want[i] !== got[i]) return i;
    return -1;
  }

  /** Returns the content of a page, 4096 bytes. */
  page(page: number): Uint8Array {
    const words = new Uint32Array(WORDS);
    for (let j = 0; j < WORDS; j++) {
      words[j] = (this.base[j] as number) ^ mix(((this.tagSeeds[j & 1] as number) + page) >>> 0);
    }
    const bytes = new Uint8Array(words.buffer);
    bytes.fill(0, this.bytesIn(page));
    return bytes;
  }
}
