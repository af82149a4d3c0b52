// SPDX-License-Identifier: Apache-2.0
import { type Token, tokenOf } from '../../../model/scenario/token.js';
import type { Draw } from './draw.js';

const EDGES = [0n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n, 2n ** 63n - 1n];

/** A token that the session does not have; mostly a small one. */
export function freshToken(draw: Draw, taken: ReadonlyMap<Token, unknown>): Token {
  const edge = draw.once(5) ? tokenOf(draw.of(EDGES) ?? 0n) : null;
  if (edge !== null && !taken.has(edge)) return edge;
  let token = 1;
  while (taken.has(token)) token += 1;
  return token;
}
