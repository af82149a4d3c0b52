// SPDX-License-Identifier: Apache-2.0
// The page digest from which the bare guest builds its chain (docs/guest-payload.md): two lanes of 32 bits, each over
// every second word. Each step is a bijection of its lane, so a single changed word is always noticed. The rotation
// moves high bits down to where the next multiplication spreads them; without it, the highest bits of two words cancel
// out.

export type Pair = readonly [number, number];

const PRIME = 0x01000193;
export const START: Pair = [0x811c9dc5, 0x9dc5811c];

/**
 * Computes the digest of `count` words.
 * @param at index of the first word
 * @param count an even number of words
 * @param from digest of the data before them
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
