// SPDX-License-Identifier: Apache-2.0
// Uses a developer's source tree as a source. It is copied, never built in, and identified by names, sizes and times of
// its files. Build output in the tree does not count.
import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import type { Workspace } from '../context.js';

const BUILT_NAMES = [
  '\\.git',
  '\\.config(\\.old)?',
  'vmlinux(\\..*)?',
  'System\\.map',
  'Module\\.symvers',
  'modules\\.(order|builtin.*)',
  'include/(config|generated)',
  'arch/x86/include/generated',
];
const BUILT_SUFFIXES = ['o', 'a', 'ko', 'cmd', 'mod', 'order', 'mod\\.c', 'dtb', 'su', 'gcno'];
/** Paths of build output, and git's folder. */
export const LEFT_BY_BUILDS = new RegExp(`(^|/)(${BUILT_NAMES.join('|')})$|\\.(${BUILT_SUFFIXES.join('|')})$`);

interface Entry {
  path: string;
  kind: 'file' | 'link' | 'dir';
  size: number;
  stamp: string;
}

async function walk(root: string, signal: AbortSignal): Promise<Entry[]> {
  if (!existsSync(root)) throw new LabError(`no folder ${root}`);
  const entries: Entry[] = [];
  const visit = async (dir: string): Promise<void> => {
    signal.throwIfAborted();
    const names = await readdir(join(root, dir), { withFileTypes: true });
    await Promise.all(
      names.map(async (name) => {
        const path = dir === '' ? name.name : `${dir}/${name.name}`;
        if (LEFT_BY_BUILDS.test(path)) return;
        if (name.isDirectory()) {
          entries.push({ path, kind: 'dir', size: 0, stamp: '' });
          await visit(path);
          return;
        }
        if (!name.isFile() && !name.isSymbolicLink()) return;
        const stat = await lstat(join(root, path), { bigint: true });
        entries.push({
          path,
          kind: name.isFile() ? 'file' : 'link',
          size: Number(stat.size),
          stamp: `${stat.mtimeNs} ${stat.mode & 0o111n}`,
        });
      }),
    );
  };
  await visit('');
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function identityOf(root: string, entries: readonly Entry[]): string {
  const hash = createHash('sha256').update(`directory 1 ${root}\0`);
  for (const entry of entries) hash.update(`${entry.kind} ${entry.path}\0${entry.size} ${entry.stamp}\n`);
  return hash.digest('hex').slice(0, 32);
}

export async function treeIdentity(root: string, signal: AbortSignal): Promise<string> {
  return identityOf(root, await walk(root, signal));
}

/** Copies a tree (as a clone if the file system can) and returns the identity of the copy. */
export async function copyTree(root: string, into: string, task: string, work: Workspace): Promise<string> {
  const entries = await walk(root, work.signal);
  let done = 0;
  for (const entry of entries) {
    work.signal.throwIfAborted();
    const from = join(root, entry.path);
    const to = join(into, entry.path);
    if (entry.kind === 'dir') await mkdir(to, { recursive: true });
    else if (entry.kind === 'link') await symlink(await readlink(from), to);
    else await copyFile(from, to, constants.COPYFILE_FICLONE);
    work.onProgress({ task, done: ++done, of: entries.length });
  }
  return identityOf(root, entries);
}
