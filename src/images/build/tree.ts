// SPDX-License-Identifier: Apache-2.0
// Changes to a linked copy of a source tree: files may be links into the source, so none is ever written in place.
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
import { lastLines, runCommand } from '../../util/process/command.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { sha256 } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { programPath } from '../requirements.js';

/** A file of an overlay whose name ends so is added to the end of the tree's file; any other takes its place. */
const APPENDED = '.append';

/** A file of an overlay. */
export interface Overlaid {
  /** Where it is. */
  from: string;
  /** Where it stands in the tree, relative. */
  path: string;
  appended: boolean;
}

/** Files of an overlay, those that take a place first: what is added comes after all of it. */
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

/** What a key is made of for an overlay. */
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

/** Lays a folder over the tree. Every file is made anew: those of the tree may be links into the source. */
export function layOver(overlay: string, tree: string): void {
  for (const { from, path, appended } of overlayFiles(overlay)) {
    const to = join(tree, path);
    if (appended) append(from, to, path);
    else {
      rmSync(to, { force: true });
      mkdirSync(dirname(to), { recursive: true });
      // cpSync() of Node 24 refuses a link to what is not there.
      if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else copyFileSync(from, to);
    }
  }
}

function append(from: string, to: string, path: string): void {
  const stat = statSync(to, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new UsageError(`${from}: the source has no ${path} to add it to`);
  const old = readFileSync(to);
  const added = readFileSync(from);
  rmSync(to);
  writeFileSync(to, Buffer.concat([old, Buffer.from(old.length === 0 || old.at(-1) === 0x0a ? '' : '\n'), added]), {
    mode: stat.mode,
  });
}

/** Applies patches in order; the first that does not fit is an error with what patch(1) said. */
export async function applyPatches(
  patches: readonly string[],
  tree: string,
  name: string,
  how: { work: Workspace; task: string; holdFd: number },
): Promise<void> {
  for (const patch of patches) {
    how.work.onProgress({ task: how.task, done: 0, of: null, detail: patch });
    // Patch writes a new file and renames it, so the linked original stays as it is; as a precaution no backup and no
    // guessing.
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
      holdFd: how.holdFd,
      env: { PATH: programPath(), LC_ALL: 'C' },
    });
    if (result.code !== 0)
      throw new LabError(`${patch} does not apply to the source of ${name}`, {
        detail: lastLines(result.stdout + result.stderr, 30),
      });
  }
}
