// SPDX-License-Identifier: Apache-2.0
// Changes to a linked copy of a source tree: files may be links into the source, so none is ever written in place.
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, runCommand } from '../util/command.js';
import { LabError } from '../util/errors.js';
import type { Workspace } from './context.js';
import { programPath } from './host.js';

/** Copies a folder over the tree. Files are removed first: they may be links into the source tree. */
export function layOver(overlay: string, tree: string): void {
  for (const entry of readdirSync(overlay, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(tree, from.slice(overlay.length));
    rmSync(to, { force: true });
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { verbatimSymlinks: true });
  }
}

/** Applies patches in order; the first that does not fit is an error with what patch(1) said. */
export async function applyPatches(patches: readonly string[], tree: string, name: string, how: { work: Workspace; task: string; holdFd: number }): Promise<void> {
  for (const patch of patches) {
    how.work.onProgress({ task: how.task, done: 0, of: null, detail: patch });
    // Patch writes a new file and renames it, so the linked original stays as it is; as a precaution no backup and no guessing.
    const argv = ['patch', '-p1', '--batch', '--forward', '--no-backup-if-mismatch', '--fuzz=0', '-r', '-', '-i', patch];
    const result = await runCommand(argv, { cwd: tree, signal: how.work.signal, holdFd: how.holdFd, env: { PATH: programPath(), LC_ALL: 'C' } });
    if (result.code !== 0) throw new LabError(`${patch} does not apply to the source of ${name}`, { detail: lastLines(result.stdout + result.stderr, 30) });
  }
}
