// SPDX-License-Identifier: Apache-2.0
// Finds the folder that a word on the command line means: a path, a name under results/, or a unique part of a name.
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

const MAX_NAMED = 5;

/** Throws a UsageError, with a suggestion if there is a close match. */
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
    const shown = `${meant.slice(-MAX_NAMED).join(', ')}${meant.length > MAX_NAMED ? ', ...' : ''}`;
    throw new UsageError(`${word} may mean any of ${meant.length} folders in ${results}: ${shown}`, {
      hint: 'write more of the name',
    });
  }
  const near = nearest(word, names.slice(-1000));
  throw new UsageError(`there is no run or matrix ${word} in ${results}`, {
    hint: near ?? 'lab history --runs   lists the newest ones',
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

/**
 * Lists nights, newest first. Without an index, it checks every folder.
 * @param plan only nights of this plan
 */
export function newestNights(results: string, history: History | null, plan: string | null = null): string[] {
  return history === null ? matrixIds(results).reverse() : history.nights(plan).map(({ name }) => name);
}
