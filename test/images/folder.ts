// SPDX-License-Identifier: Apache-2.0
// Temporary folders with a workspace, for the tests of images.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openWorkspace, type Workspace } from '../../src/images/context.js';
import type { Progress } from '../../src/util/progress.js';

export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lab-images-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes files and their folders, and returns the folder. */
export function folderWith(files: Record<string, string | Buffer>): string {
  const dir = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}

export function workspace(
  cacheDir = temporaryFolder(),
): Workspace & { seen: Progress[]; abort: (reason: Error) => void } {
  const controller = new AbortController();
  const seen: Progress[] = [];
  const work = openWorkspace({
    cacheDir,
    jobs: 1,
    signal: controller.signal,
    onProgress: (progress) => seen.push(progress),
  });
  return { ...work, seen, abort: (reason) => controller.abort(reason) };
}
