// SPDX-License-Identifier: Apache-2.0
// Names of copies: {i} is the number of the copy.
import type { Path } from '../source/document.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { unfilled } from '../steps/template.js';

const COPY: ReadonlyMap<string, number> = new Map([['i', 1]]);

/** Reports a name for several copies without {i}, and an unknown template. Returns false after a problem. */
export function checkCopyName(name: string, count: number, path: Path, problems: Problems): boolean {
  const unknown = unfilled(name, COPY)[0];
  if (unknown !== undefined)
    problems.add(path, `there is no value for {${unknown}} in ${shown(name)}`, 'did you mean {i}?');
  else if (count > 1 && !name.includes('{i}'))
    problems.add(
      path,
      `expected a name with {i}, because there are ${count} copies; found ${shown(name)}`,
      `did you mean "${name}-{i}"?`,
    );
  else return true;
  return false;
}
