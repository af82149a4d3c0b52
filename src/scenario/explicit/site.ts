// SPDX-License-Identifier: Apache-2.0
// Names and tokens of a step, with their templates filled in.
import { type Token, TOKEN_WORDS, tokenOf } from '../../model/scenario/token.js';
import type { Path } from '../source/document.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { fill, type Numbers, unfilled } from '../steps/template.js';

/** The context of a step: its position in the file, and the numbers of the repeats around it. */
export interface Site {
  path: Path;
  numbers: Numbers;
  problems: Problems;
  /** Folder of the scenario file. */
  folder: string;
}

/** Fills in the templates of a name. A template without a value is an error. */
export function named(text: string, site: Site, ...keys: string[]): string {
  const unknown = unfilled(text, site.numbers)[0];
  if (unknown !== undefined) {
    const known = [...site.numbers.keys()].map((name) => `{${name}}`).join(', ');
    site.problems.add(
      [...site.path, ...keys],
      `there is no value for {${unknown}} in ${shown(text)}`,
      known ? `known here: ${known}` : 'values come from repeat',
    );
  }
  return fill(text, site.numbers);
}

/** The name that a step gives directly, or under `key`. */
export function nameIn(value: string | Record<string, unknown>, key: string, site: Site): string {
  return typeof value === 'string' ? named(value, site) : named(String(value[key]), site, key);
}

export function tokenIn(value: Token, site: Site): Token {
  if (typeof value === 'number') return value;
  const text = named(value, site, 'token');
  const token = tokenOf(text);
  if (token !== null) return token;
  if (!text.includes('{')) site.problems.add([...site.path, 'token'], `expected ${TOKEN_WORDS}, found ${shown(text)}`);
  return 0;
}
