// SPDX-License-Identifier: Apache-2.0
// The links of the bare guest's chain (docs/guest-payload.md). A page's content follows from its number, its link and
// the heads. A head follows from the head before it and the page that its link overwrote.
import { mix } from '../files/pattern.js';
import { digestOf, type Pair } from './digest.js';

const WORDS = 1024;
/** Words before the body: page number, magic, link, head, and the head that the page had before. */
const HEADER = 8;
const PREVIOUS = 6;
const NOT_CARRIED = 2;
const MAGIC = 0x314b4e4c;
const GOLDEN = 0x9e3779b1;

function halves(n: number): Pair {
  return [n >>> 0, Math.floor(n / 2 ** 32) >>> 0];
}

export class Links {
  private readonly base = new Uint32Array(WORDS);

  constructor(readonly seed: number) {
    const start = Math.imul(seed, GOLDEN);
    for (let j = 0; j < WORDS; j++) this.base[j] = mix((start + j) >>> 0);
  }

  /** The content of page 13 of the guest's memory. */
  get baseTable(): Uint32Array {
    return this.base;
  }

  /** Returns the head of a share before its first link. */
  origin(vcpu: number): Pair {
    return [mix((this.seed + 1) >>> 0), (mix((this.seed + 2) >>> 0) ^ mix(vcpu + 1)) >>> 0];
  }

  /**
   * Returns the head of link `n`.
   * @param digest of the page that link `n` overwrote
   */
  extend([a, b]: Pair, digest: Pair, n: number): Pair {
    const [low, high] = halves(n);
    const second = mix((b ^ digest[1] ^ high) >>> 0);
    return [mix((a ^ digest[0] ^ low ^ second) >>> 0), second];
  }

  private tags(page: number, head: Pair): Pair {
    return [mix((head[0] ^ mix(page)) >>> 0), mix((head[1] ^ mix((page + GOLDEN) >>> 0)) >>> 0)];
  }

  /** Is this page, word for word, that of link `n`? */
  isPage(words: Uint32Array, at: number, page: number, n: number, head: Pair, previous: Pair): boolean {
    const [low, high] = halves(n);
    const header = [page, MAGIC, low, high, head[0], head[1], previous[0], previous[1]];
    if (header.some((word, j) => words[at + j] !== word)) return false;
    const [even, odd] = this.tags(page, head);
    let difference = 0;
    for (let j = HEADER; j < WORDS; j += 2) {
      difference |=
        ((words[at + j] as number) ^ (this.base[j] as number) ^ even) |
        ((words[at + j + 1] as number) ^ (this.base[j + 1] as number) ^ odd);
    }
    return difference === 0;
  }

  /** Returns the page of link `n`. */
  page(page: number, n: number, head: Pair, previous: Pair): Uint32Array {
    const words = new Uint32Array(WORDS);
    words.set([page, MAGIC, ...halves(n), ...head, ...previous]);
    const tags = this.tags(page, head);
    for (let j = HEADER; j < WORDS; j++) words[j] = (this.base[j] as number) ^ (tags[j & 1] as number);
    return words;
  }

  /** Returns the digest of the page of link `n` as its successor computes it: words 6 and 7 count as 0. */
  digest(page: number, n: number, head: Pair): Pair {
    const words = this.page(page, n, head, [0, 0]);
    return digestOf(words, 0, WORDS);
  }

  /** Returns the page that transfer `n` of a device carries. Its last words stay 0. */
  transfer(device: number, n: number): Uint32Array<ArrayBuffer> {
    const low = mix((mix((this.seed + device + 1) >>> 0) ^ (n >>> 0)) >>> 0);
    const tags = [low, mix((low ^ GOLDEN) >>> 0)];
    return Uint32Array.from({ length: WORDS }, (_, j) =>
      j < WORDS - NOT_CARRIED ? ((this.base[j] as number) ^ (tags[j & 1] as number)) >>> 0 : 0,
    );
  }

  /** Reads the heads that a page claims to have. */
  static claims(words: Uint32Array, at: number): { head: Pair; previous: Pair } {
    return {
      head: [words[at + 4] as number, words[at + 5] as number],
      previous: [words[at + PREVIOUS] as number, words[at + PREVIOUS + 1] as number],
    };
  }
}

/** The digest that stands for "nothing was overwritten". */
export const NOTHING: Pair = [0, 0];
