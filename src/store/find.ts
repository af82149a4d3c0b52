// SPDX-License-Identifier: Apache-2.0
// The folder that a word means: a path, a name under results/, or a part of a name that only one has.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { nearest } from '../util/text/nearest.js';
import { UsageError } from '../util/errors.js';
import { matrixIds } from './matrix/folder.js';
import { History } from './history/index.js';

export interface Found {
  kind: 'run' | 'matrix';
  name: string;
  folder: string;
}

const MOST_NAMED = 5;

/** Throws a UsageError that names what was meant, where it can be guessed. */
export function findInResults(results: string, word: string): Found {
  const asPath = resolve(word);
  if (/[/\\]/.test(word) || word === '.') {
    if (!isFolder(asPath)) throw new UsageError(`there is no folder ${word}`);
    return found(asPath);
  }
  const exact = join(resolve(results), word);
  if (!word.startsWith('.') && isFolder(exact)) return found(exact);
  const names = namesIn(results);
  const meant = names.filter((name) => name.includes(word));
  if (meant.length === 1) return found(join(resolve(results), meant[0] as string));
  if (meant.length > 1) {
    throw new UsageError(
      `${word} may be any of ${meant.length} folders in ${results}: ${meant.slice(-MOST_NAMED).join(', ')}${meant.length > MOST_NAMED ? ', ...' : ''}`,
      { hint: 'write more of the name' },
    );
  }
  const near = nearest(word, names.slice(-1000));
  throw new UsageError(`there is no run or matrix ${word} in ${results}`, {
    hint: near ?? 'lab history --runs   names the newest ones',
  });
}

function found(folder: string): Found {
  return { kind: existsSync(join(folder, 'matrix.json')) ? 'matrix' : 'run', name: basename(folder), folder };
}

function namesIn(results: string): string[] {
  if (!existsSync(results)) return [];
  return readdirSync(results, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The newest nights, newest first. Without an index every folder is looked at. @param plan only those of this plan */
export function newestNights(results: string, history: History | null, plan: string | null = null): string[] {
  return history === null ? matrixIds(results).reverse() : history.nights(plan).map(({ name }) => name);
}
