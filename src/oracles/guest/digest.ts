// SPDX-License-Identifier: Apache-2.0
// The digest of a page that the bare guest makes its chain of (docs/guest-payload.md): two lanes of 32 bits over every
// second word. Each step is a bijection of its lane, so one word that differs is always seen. The turn takes high bits
// down to where the next multiplication spreads them: without it, the highest bit of two words cancels.

export type Pair = readonly [number, number];

const PRIME = 0x01000193;
export const START: Pair = [0x811c9dc5, 0x9dc5811c];

/**
 * @param at first word
 * @param count an even number of words
 * @param from the digest of what lies before
 */
export function digestOf(words: Uint32Array, at: number, count: number, from: Pair = START): Pair {
  let [a, b] = from;
  const end = at + count;
  for (let j = at; j < end; j += 2) {
    a = Math.imul(a ^ (words[j] as number), PRIME);
    a = (a << 15) | (a >>> 17);
    b = Math.imul(b ^ (words[j + 1] as number), PRIME);
    b = (b << 15) | (b >>> 17);
  }
  return [a >>> 0, b >>> 0];
}
