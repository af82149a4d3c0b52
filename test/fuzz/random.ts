// SPDX-License-Identifier: Apache-2.0
import type { Random } from '../../src/fuzz/input.js';

/** Numbers of a small generator (LCG of Numerical Recipes), the same for the same seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return {
    below: (limit) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    },
  };
}
