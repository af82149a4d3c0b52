// SPDX-License-Identifier: Apache-2.0
// Templates: {i} in a name or a token stands for the number of the copy.

const PLACE = /\{([a-z]{1,8})\}/g;

export type Numbers = ReadonlyMap<string, number>;

/** The text with its templates filled in. What no number is known for stays as it is. */
export function fill(text: string, numbers: Numbers): string {
  if (!text.includes('{')) return text;
  return text.replace(PLACE, (whole, name: string) => String(numbers.get(name) ?? whole));
}

/** The templates in a text that no number is known for. */
export function unfilled(text: string, numbers: Numbers): string[] {
  if (!text.includes('{')) return [];
  return [...text.matchAll(PLACE)].map((match) => match[1]!).filter((name) => !numbers.has(name));
}
