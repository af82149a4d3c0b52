// SPDX-License-Identifier: Apache-2.0
// Templates: {i} in a name or a token is the number of the copy.

const PLACE = /\{([a-z]{1,8})\}/g;

export type Numbers = ReadonlyMap<string, number>;

/** Fills in the templates. Unknown ones stay as they are. */
export function fill(text: string, numbers: Numbers): string {
  if (!text.includes('{')) return text;
  return text.replace(PLACE, (whole, name: string) => String(numbers.get(name) ?? whole));
}

/** The unknown templates in a text. */
export function unfilled(text: string, numbers: Numbers): string[] {
  if (!text.includes('{')) return [];
  return [...text.matchAll(PLACE)].map((match) => match[1]!).filter((name) => !numbers.has(name));
}
