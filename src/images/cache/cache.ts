// SPDX-License-Identifier: Apache-2.0
// The cache's folders. Everything is made under a temporary name and renamed, so that whatever is there is complete.
// Deleting any or all of it costs only time.
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { replaceFile } from '../../util/replace-file.js';

export function defaultCacheDir(): string {
  if (process.env['LAB_CACHE']) return resolve(process.env['LAB_CACHE']);
  const base = process.env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'liveupdate-lab');
}

/** Runs a function that writes to the cache. A full or unwritable disk becomes an error that says so. */
export async function onDisk<T>(cache: Cache, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof LabError) throw error;
    const hint = 'name a cache elsewhere with LAB_CACHE=FOLDER';
    if (isDiskFull(error))
      throw new LabError(`the disk is full: ${messageOf(error)}`, {
        hint: `free some space, or ${hint}`,
        cause: error,
      });
    const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
    if (['EACCES', 'EPERM', 'EROFS'].includes(code))
      throw new LabError(`cannot write to the cache ${cache.dir}: ${messageOf(error)}`, { hint, cause: error });
    throw error;
  }
}

export class Cache {
  constructor(readonly dir: string) {}

  /** Fetched files; removed once they are unpacked. */
  download = (name: string) => join(this.dir, 'downloads', name);
  /** Configurations of distributions, by digest. */
  config = (sha256: string) => join(this.dir, 'configs', sha256);
  /** Private state of apt, one folder per suite. */
  apt = (suite: string) => join(this.dir, 'apt', suite);
  /** Unpacked source trees, never changed. */
  source = (id: string) => join(this.dir, 'sources', id);
  /** Records which source of a definition was used. */
  origin = (key: string) => join(this.dir, 'origins', `${key}.json`);
  /** Trees in which the types of a handover are being read. */
  build = (key: string) => join(this.dir, 'build', key);
  /**
   * The tree of the last kernel that was built from a source, unchanged or patched. Another configuration reuses its
   * objects.
   */
  built = (name: string) => join(this.dir, 'built', name);
  /** Objects that describe the types of a kernel's handover. */
  abi = (key: string) => join(this.dir, 'abi', key);
  kernel = (key: string) => join(this.dir, 'kernels', key);
  kernels = () => join(this.dir, 'kernels');
  rootfs = (key: string) => join(this.dir, 'rootfs', key);
  rootfses = () => join(this.dir, 'rootfs');
  userspace = (key: string) => join(this.dir, 'userspace', key);
  userspaces = () => join(this.dir, 'userspace');
  log = (name: string) => join(this.dir, 'logs', name);
  lock = (name: string) => join(this.dir, 'locks', name);
  /** Small facts about files outside the cache: versions, checksums. */
  fact = (key: string) => join(this.dir, 'facts', `${key}.json`);
  /** Small programs that builds use. */
  program = (name: string) => join(this.dir, 'programs', name);
  ccache = () => process.env['CCACHE_DIR'] ?? join(this.dir, 'ccache');
}

/** A key of the cache: 32 hexadecimal digits over any data. */
export function keyOf(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 32);
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

export function writeJson(path: string, data: unknown): void {
  replaceFile(path, `${JSON.stringify(data, null, 2)}\n`);
}
