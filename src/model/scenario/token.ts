// SPDX-License-Identifier: Apache-2.0
// LUO's tokens have 64 bits, JavaScript's numbers only 53.

/** A number if that is exact, otherwise decimal digits. Each token has only one form, so === compares two tokens. */
export type Token = number | string;

const MAX_TOKEN = 2n ** 64n - 1n;
export const TOKEN_WORDS = `a token: a whole number from 0 to ${MAX_TOKEN}`;

/** Null if it is not a token. */
export function tokenOf(value: number | bigint | string): Token | null {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return null;
  if (typeof value === 'string' && !/^\d{1,40}$/.test(value)) return null;
  const number = BigInt(value);
  if (number < 0n || number > MAX_TOKEN) return null;
  const small = Number(number);
  return Number.isSafeInteger(small) ? small : String(number);
}

/** The token plus `distance`; null if that is too large. */
export function tokenAfter(token: Token, distance: number): Token | null {
  return tokenOf(BigInt(token) + BigInt(distance));
}

/**
 * The first of `count` free tokens in a row: after the highest taken one, or if there is no room, the lowest free ones.
 * @param min the lowest token to use
 */
export function freeToken(taken: ReadonlySet<Token>, min: number, count = 1): Token {
  let highest = BigInt(min) - 1n;
  for (const token of taken) if (BigInt(token) > highest) highest = BigInt(token);
  if (highest + BigInt(count) <= MAX_TOKEN) return tokenOf(highest + 1n) as Token;
  let first = min;
  const all = (from: number) => Array.from({ length: count }, (_, index) => from + index);
  while (all(first).some((token) => taken.has(token))) first += 1;
  return first;
}
