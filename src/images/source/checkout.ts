// SPDX-License-Identifier: Apache-2.0
// Kernels from a git tree are built in a private checkout that moves from commit to commit. Only files that differ are
// written, so make recompiles only what depends on them. The user's tree is never changed.
import { existsSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../../util/process/command.js';
import { keyOf } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition, Source } from '../definition/definition.js';
import { programPath } from '../requirements.js';

export type GitSource = Extract<Source, { kind: 'git' }>;

/** Returns the git tree that a kernel comes from; null for any other source. */
export function gitOf({ sources }: Pick<KernelDefinition, 'sources'>): GitSource | null {
  const [source] = sources;
  return source?.kind === 'git' ? source : null;
}

/** Name of the checkout. All commits of a tree share one. */
export function checkoutName({ path }: GitSource): string {
  return `git${keyOf(['checkout', path])}`;
}

/**
 * Moves the checkout to the source's commit; creates it first if needed.
 * @param brought files that patches and overlays added, by path in the tree; those of the last build are removed first
 */
export async function checkOut(
  { path, ref }: GitSource,
  tree: string,
  brought: readonly string[],
  work: Workspace,
  holdFd: number,
): Promise<void> {
  const options = { signal: work.signal, holdFd, env: { PATH: programPath(), LC_ALL: 'C', HOME: process.env['HOME'] } };
  const git = (what: string, ...argv: string[]) => mustRun(['git', ...argv], what, options);
  const { stdout } = await git(
    `no ${ref} in ${path}`,
    '-C',
    path,
    'rev-parse',
    '--verify',
    '--end-of-options',
    `${ref}^{commit}`,
  );
  const commit = stdout.trim();
  const checkedOut = async () => {
    if (!existsSync(join(tree, '.git'))) {
      const beside = `${tree}.partial`;
      await rm(beside, { recursive: true, force: true });
      // Objects are not copied: with --shared, a new commit of the tree is available at once.
      await git(`cannot clone ${path}`, 'clone', '--quiet', '--shared', '--no-checkout', '--', path, beside);
      await rm(tree, { recursive: true, force: true });
      await mustRun(['mv', '-T', '--', beside, tree], 'cannot put the checkout in its place', options);
    }
    // The lock of the tree is held, so the process that left this file is gone.
    rmSync(join(tree, '.git', 'index.lock'), { force: true });
    for (const file of brought) rmSync(join(tree, file), { force: true });
    await git(
      `cannot check out ${ref} of ${path}`,
      '-C',
      tree,
      '-c',
      'advice.detachedHead=false',
      'checkout',
      '--quiet',
      '--force',
      '--detach',
      commit,
    );
  };
  try {
    await checkedOut();
  } catch {
    work.signal.throwIfAborted();
    // The user's tree may have been moved or recreated since. Then the checkout is recreated too.
    await rm(tree, { recursive: true, force: true });
    await checkedOut();
  }
}
