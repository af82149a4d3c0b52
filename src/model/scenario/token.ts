// SPDX-License-Identifier: Apache-2.0
// Tokens of LUO have 64 bits, and numbers of JavaScript 53.

/**
 * A number where that is exact, else its decimal digits. Each token has one spelling, so that === compares two of them.
 */
export type Token = number | string;

const MOST = 2n ** 64n - 1n;
export const TOKEN_WORDS = `a token: a whole number from 0 to ${MOST}`;

/** Null where it is no token. */
export function tokenOf(value: number | bigint | string): Token | null {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return null;
  if (typeof value === 'string' && !/^\d{1,40}$/.test(value)) return null;
  const number = BigInt(value);
  if (number < 0n || number > MOST) return null;
  const small = Number(number);
  return Number.isSafeInteger(small) ? small : String(number);
}

/** The token that is so many further on; null where there is none. */
export function tokenAfter(token: Token, further: number): Token | null {
  return tokenOf(BigInt(token) + BigInt(further));
}

/**
 * The first token of `count` in a row behind all that are taken, or where there is no room, the lowest ones that are
 * free.
 */
export function freeToken(taken: ReadonlySet<Token>, least: number, count = 1): Token {
  let highest = BigInt(least) - 1n;
  for (const token of taken) if (BigInt(token) > highest) highest = BigInt(token);
  if (highest + BigInt(count) <= MOST) return tokenOf(highest + 1n) as Token;
  let first = least;
  const all = (from: number) => Array.from({ length: count }, (_, index) => from + index);
  while (all(first).some((token) => taken.has(token))) first += 1;
  return first;
}
