// SPDX-License-Identifier: Apache-2.0
// Changes a linked copy of a source tree. Its files may be links into the source, so none is written in place.
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { runCommand } from '../../util/process/command.js';
import { messageOf, UsageError } from '../../util/errors.js';
import { sha256 } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { DoesNotApply } from '../failures.js';
import { programPath } from '../requirements.js';

/** An overlay file with this suffix is appended to the file in the tree. Any other replaces it. */
const APPENDED = '.append';

/** A file of an overlay. */
export interface Overlaid {
  /** Path of the file. */
  from: string;
  /** Path in the tree, relative. */
  path: string;
  appended: boolean;
}

/** Lists the files of an overlay. Replacements come first, so that appended text goes to their end. */
export function overlayFiles(overlay: string): Overlaid[] {
  const files = readdirSync(overlay, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry): Overlaid => {
      const from = join(entry.parentPath, entry.name);
      const appended = entry.name.endsWith(APPENDED) && entry.name !== APPENDED;
      return { from, path: relative(overlay, appended ? from.slice(0, -APPENDED.length) : from), appended };
    });
  return files.sort((a, b) => Number(a.appended) - Number(b.appended) || (a.path < b.path ? -1 : 1));
}

/** The part of a cache key that describes an overlay. */
export function overlayDigests(overlay: string): unknown[] {
  return overlayFiles(overlay).map(({ from, path, appended }) => [path, appended, fileDigest(from)]);
}

/** Digest of a file that a definition names. */
export function fileDigest(path: string): string {
  try {
    return sha256(readFileSync(path));
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Lays a folder over the tree. Every file is replaced, because those of the tree may be links into the source. */
export function layOver(overlay: string, tree: string): void {
  for (const { from, path, appended } of overlayFiles(overlay)) {
    const to = join(tree, path);
    if (appended) append(from, to, path);
    else {
      rmSync(to, { force: true });
      mkdirSync(dirname(to), { recursive: true });
      // cpSync() of Node 24 refuses a dangling link.
      if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else copyFileSync(from, to);
    }
  }
}

function append(from: string, to: string, path: string): void {
  const stat = statSync(to, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new UsageError(`${from}: the source has no ${path} to append it to`);
  const old = readFileSync(to);
  const added = readFileSync(from);
  rmSync(to);
  writeFileSync(to, Buffer.concat([old, Buffer.from(old.length === 0 || old.at(-1) === 0x0a ? '' : '\n'), added]), {
    mode: stat.mode,
  });
}

/** Applies patches in order. The first that does not apply is an error with the output of patch(1). */
export async function applyPatches(
  patches: readonly string[],
  tree: string,
  name: string,
  how: { work: Workspace; task: string; holdFd?: number },
): Promise<void> {
  for (const patch of patches) {
    how.work.onProgress({ task: how.task, done: 0, of: null, detail: patch });
    // patch(1) writes a new file and renames it, so the linked original stays unchanged. To be safe: no backup and no
    // fuzz.
    const argv = [
      'patch',
      '-p1',
      '--batch',
      '--forward',
      '--no-backup-if-mismatch',
      '--fuzz=0',
      '-r',
      '-',
      '-i',
      patch,
    ];
    const result = await runCommand(argv, {
      cwd: tree,
      signal: how.work.signal,
      ...(how.holdFd === undefined ? {} : { holdFd: how.holdFd }),
      env: { PATH: programPath(), LC_ALL: 'C' },
    });
    if (result.code !== 0) throw new DoesNotApply(patch, name, result.stdout + result.stderr);
  }
}
