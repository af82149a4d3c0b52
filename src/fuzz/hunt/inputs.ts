// SPDX-License-Identifier: Apache-2.0
// Makes input number i. It depends on the seed, on i, and on the corpus as it was at a fixed number of inputs before i:
// never on how many machines run at once.
import { Random } from '../../util/random.js';
import type { Generator, Input } from '../input.js';
import type { Entry } from './corpus.js';

/** The corpus that inputs see changes after this many of them. */
export const ROUND = 64;

export interface Source {
  generator: Generator;
  /** In proportion to the others. */
  share: number;
}

/** Inputs before this one have ended before input `i` is made. */
export function horizonOf(i: number): number {
  return Math.max(0, Math.floor(i / ROUND) - 1) * ROUND;
}

export function inputOf(i: number, seed: number, sources: readonly Source[], corpus: readonly Entry[]): Input {
  const random = new Random(seed, 'input', i);
  const { generator } = pickSource(sources, random);
  const own = corpus.filter(({ input }) => input.generator === generator.name);
  // One of four inputs owes nothing to what was seen.
  if (own.length === 0 || random.below(4) === 0) return generator.fresh(random);
  const one = own[random.below(own.length)] as Entry;
  const other = own[random.below(own.length)] as Entry;
  // Entries that came late reached what is hard to reach.
  return generator.mutate((one.index >= other.index ? one : other).input, random);
}

function pickSource(sources: readonly Source[], random: Random): Source {
  let left = random.below(sources.reduce((sum, { share }) => sum + share, 0));
  for (const source of sources) {
    if (left < source.share) return source;
    left -= source.share;
  }
  return sources[0] as Source;
}
