// SPDX-License-Identifier: Apache-2.0
// A bare guest's RAM as docs/guest-payload.md defines it, written from that page alone: the C code of the guest and of
// the agent must agree with it.
import { mix, PAGE } from '../../src/oracles/files/pattern.js';

const WORDS = PAGE / 4;
const FIRST_STACK = 14;
type Pair = readonly [number, number];

export interface ImageOptions {
  pages: number;
  vcpus: number;
  seed: number;
  /** Links done by every vCPU beyond the first round. */
  beyond: number;
  /** Words of the next link that each vCPU has written already; null: none is in work. */
  working: number | null;
}

interface Link {
  page: number;
  number: number;
  head: Pair;
  prev: Pair;
}

const u32 = (x: number) => x >>> 0;
/** To the left by 15 bits, what falls out comes in on the right. */
const turn = (x: number) => u32((x << 15) | (x >>> 17));
const mul = (x: number, y: number) => u32(Math.imul(x, y));

export class GuestImage {
  readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private readonly base = new Uint32Array(WORDS);
  readonly first: number;

  constructor(readonly options: ImageOptions) {
    const { pages, vcpus, seed } = options;
    const memory = new ArrayBuffer(pages * PAGE);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
    this.first = FIRST_STACK + vcpus;
    for (let j = 0; j < WORDS; j++) this.base[j] = mix(u32(mul(seed, 0x9e3779b1) + j));
    this.words.set(this.base, 13 * WORDS);
    this.bytes.write('LABGUEST', 0);
    this.words.set([2, vcpus, seed, 10_000, 16, 0, this.first, pages], 2);
    const all = pages - this.first;
    const each = Math.floor(all / vcpus);
    for (let v = 0; v < vcpus; v++) this.share(v, this.first + v * each, v + 1 < vcpus ? each : all - v * each);
    this.words.set(this.digest(this.words.subarray(WORDS, 14 * WORDS), { chain: false }), 12);
  }

  /** Page of RAM that holds link `n` of a share. */
  private share(vcpu: number, first: number, count: number): void {
    const { seed, beyond, working } = this.options;
    const heads: Pair[] = [[mix(u32(seed + 1)), u32(mix(u32(seed + 2)) ^ mix(vcpu + 1))]];
    const links = count + beyond;
    const pageOf = (number: number) => first + ((number - 1) % count);
    const prev = (number: number): Pair => (number > count ? heads[number - count]! : [0, 0]);
    const follow = (number: number): Link => {
      const digest: Pair =
        number > count
          ? this.digest(
              this.linkPage({
                page: pageOf(number),
                number: number - count,
                head: heads[number - count]!,
                prev: prev(number - count),
              }),
            )
          : [0, 0];
      heads[number] = this.next(heads[number - 1]!, digest, number);
      return { page: pageOf(number), number, head: heads[number], prev: prev(number) };
    };
    for (let number = 1; number <= links; number++) {
      const link = follow(number);
      this.words.set(this.linkPage(link), link.page * WORDS);
    }
    const block = (0x100 + vcpu * 0x100) / 4;
    this.words.set([first, count, 7, 0, links, 0, ...heads[links]!, links, 0], block);
    if (working === null) return;
    const link = follow(links + 1);
    this.words.set(this.linkPage(link).subarray(0, working), link.page * WORDS);
    this.words.set([links + 1, 0, ...link.head, ...link.prev, ...prev(links + 1 - count)], block + 8);
  }

  private next(head: Pair, digest: Pair, number: number): Pair {
    const b = mix(u32(head[1] ^ digest[1] ^ Math.floor(number / 2 ** 32)));
    return [mix(u32(head[0] ^ digest[0] ^ u32(number) ^ b)), b];
  }

  private digest(words: Uint32Array, { chain }: { chain: boolean } = { chain: true }): Pair {
    let [d0, d1] = [0x811c9dc5, 0x9dc5811c];
    for (let j = 0; j < words.length; j += 2) {
      const left = chain && j === 6;
      d0 = turn(mul(u32(d0 ^ (left ? 0 : words[j]!)), 0x01000193));
      d1 = turn(mul(u32(d1 ^ (left ? 0 : words[j + 1]!)), 0x01000193));
    }
    return [d0, d1];
  }

  private linkPage({ page, number, head, prev }: Link): Uint32Array {
    const tag = [mix(u32(head[0] ^ mix(page))), mix(u32(head[1] ^ mix(u32(page + 0x9e3779b1))))];
    const words = new Uint32Array(WORDS);
    words.set([page, 0x314b4e4c, u32(number), Math.floor(number / 2 ** 32), ...head, ...prev]);
    for (let j = 8; j < WORDS; j++) words[j] = this.base[j]! ^ tag[j & 1]!;
    return words;
  }
}
