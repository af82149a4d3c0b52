// SPDX-License-Identifier: Apache-2.0
// Fetches packages of a suite with all that they depend on, as if nothing were installed. apt works out what that is,
// and checks signatures and checksums.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandError, runCommand } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import type { Workspace } from '../context.js';
import { prepareSuite } from './apt.js';

export interface PackageSet {
  suite: string;
  architecture: string;
  /** With all that they depend on. */
  packages: readonly string[];
  /** Without that. */
  alone: readonly string[];
}

/** Fetches into an empty folder and returns the paths of all .deb files. The caller holds a lock for the folder. */
export async function fetchPackages(
  { suite, architecture, packages, alone }: PackageSet,
  folder: string,
  task: string,
  work: Workspace,
  holdFd: number,
): Promise<string[]> {
  const apt = await prepareSuite(suite, work, architecture);
  rmSync(folder, { recursive: true, force: true });
  const archives = join(folder, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  const installed = join(folder, 'status');
  writeFileSync(installed, '');
  const timer = setInterval(() => {
    work.onProgress({ task, done: debsIn(archives).length, of: null, detail: 'packages' });
  }, 250);
  const run = async (...words: string[]): Promise<void> => {
    const result = await runCommand([...apt.command, ...words], {
      cwd: archives,
      env: apt.env,
      signal: work.signal,
      holdFd,
    });
    if (result.code === 0) return;
    throw commandError(`cannot fetch the packages of ${suite} (${architecture})`, ['apt-get'], result);
  };
  const fetchAll = async (): Promise<void> => {
    const empty = ['-o', `Dir::State::status=${installed}`, '-o', `Dir::Cache::archives=${archives}`];
    await run(...empty, '-y', '--no-install-recommends', '--download-only', 'install', ...packages);
    if (alone.length > 0) await run('download', ...alone);
  };
  try {
    await fetchAll().catch(async (error: unknown) => {
      if (!(error instanceof LabError)) throw error;
      // The lists may be older than the files of the archive.
      await apt.update();
      await fetchAll();
    });
  } finally {
    clearInterval(timer);
  }
  const debs = debsIn(archives).sort();
  if (debs.length === 0) throw new LabError(`apt-get fetched no package of ${suite} (${architecture})`);
  return debs.map((name) => join(archives, name));
}

function debsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.deb'));
}
