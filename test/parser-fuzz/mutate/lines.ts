// SPDX-License-Identifier: Apache-2.0
// Mutates lines of which each is JSON on its own, such as what an agent or a monitor says.
import type { Random } from '../../../src/util/random.js';
import { mutateText } from './bytes.js';
import { mutateJson } from './tree.js';

/** Lines of a seed as seeds of their own, made once. */
const split = new WeakMap<Buffer, Buffer[]>();

function linesOf(seed: Buffer): Buffer[] {
  let lines = split.get(seed);
  if (lines === undefined) {
    const texts = seed.toString('utf8').split('\n');
    lines = texts.filter((line) => line.startsWith('{')).map((line) => Buffer.from(line));
    split.set(seed, lines);
  }
  return lines;
}

/** Some lines of the seed in a row, one of them changed. */
export function mutateJsonLines(seed: Buffer, random: Random, seeds: readonly Buffer[]): Buffer {
  const all = linesOf(seed);
  if (all.length === 0 || random.chance(0.1)) return mutateText(seed, random, seeds);
  const from = random.below(all.length);
  const some = all.slice(from, from + 1 + random.upTo(6));
  const hurt = random.below(some.length);
  some[hurt] = mutateJson(some[hurt] ?? seed, random, all);
  return Buffer.concat(some.flatMap((line) => [line, Buffer.from('\n')]));
}
