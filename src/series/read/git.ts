// SPDX-License-Identifier: Apache-2.0
// Reads a range of commits as a series. The tree is only read, and nothing in its configuration starts a program.
import { resolve } from 'node:path';
import { messageOf, UsageError } from '../../util/errors.js';
import { lastLines, mustRun } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { MAX_PATCHES, type Patch, type Series } from '../series.js';
import { diffText, readDiff } from '../patch/diff.js';

/** A series that lies in a git tree: its kernels can be built from the commits themselves. */
export interface Commits {
  /** Absolute path of the tree. */
  tree: string;
  /** The commit under the series. */
  base: string;
  /** One for each patch. */
  ids: string[];
}

/** Bytes of one commit's diff. */
const MAX_DIFF = 32 << 20;

/** @param range A..B, or A for A..HEAD */
export async function readGit(
  tree: string,
  range: string,
  signal: AbortSignal,
): Promise<{ series: Series; commits: Commits }> {
  const path = resolve(tree);
  const git = async (...argv: string[]): Promise<string> => {
    const options = { signal, maxOutput: MAX_DIFF, env: { ...process.env, GIT_PAGER: 'cat', LC_ALL: 'C' } };
    try {
      return (await mustRun(['git', '-C', path, ...argv], 'git', options)).stdout;
    } catch (error) {
      signal.throwIfAborted();
      const detail = error instanceof LabError ? lastLines(error.detail ?? '', 3) : messageOf(error);
      throw new UsageError(`cannot read ${range} in ${tree}`, { detail, cause: error });
    }
  };
  const { from, to } = endsOf(range);
  const commit = async (ref: string) =>
    (await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`)).trim();
  const [first, last] = [await commit(from), await commit(to)];
  const base = (await git('merge-base', first, last)).trim();
  const listed = await git('rev-list', '--reverse', '--parents', `--max-count=${MAX_PATCHES + 1}`, `${base}..${last}`);
  const rows = listed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  if (rows.length === 0) throw new UsageError(`no commit in ${range} of ${tree}`);
  if (rows.length > MAX_PATCHES) throw new UsageError(`${range} has more than ${MAX_PATCHES} commits`);
  if (rows.some((row) => row.length !== 2))
    throw new UsageError(`${range} has a merge; a series is a line of commits`, { hint: 'git rebase it first' });
  const patches: Patch[] = [];
  for (const [index, [id = '']] of rows.entries()) {
    const title = (await git('log', '-1', '--format=%s', id)).trim();
    const plain = [
      '--no-ext-diff',
      '--no-textconv',
      '--no-color',
      '--no-renames',
      '--src-prefix=a/',
      '--dst-prefix=b/',
    ];
    const files = readDiff(await git('diff-tree', '-p', '--no-commit-id', ...plain, id), title);
    patches.push({ number: index + 1, title, files, text: diffText(files) });
  }
  const series = { title: patches.at(-1)?.title ?? '', version: 1, patches, notes: [] };
  return { series, commits: { tree: path, base, ids: rows.map(([id = '']) => id) } };
}

function endsOf(range: string): { from: string; to: string } {
  const [from = '', to, more] = range.split('..');
  if (from === '' || more !== undefined || from.startsWith('-') || range.includes('...'))
    throw new UsageError(`${range} is no range of commits`, { hint: 'A..B, or A for A..HEAD' });
  return { from, to: to === undefined || to === '' ? 'HEAD' : to };
}
