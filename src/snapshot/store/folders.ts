// SPDX-License-Identifier: Apache-2.0
// The folders of the store. A ladder is a folder named by its key; what is hidden is being written or removed. A folder
// appears and goes in one step, by its name.
import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, statSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryExistingLock } from '../../util/process/lock.js';

/**
 * In each folder. Those who use a ladder share it, and the one who writes or removes a ladder holds it alone. Its mtime
 * is the last use.
 */
export const LOCK_FILE = 'lock';
const KEY = /^[0-9a-f]{32}$/;
const DRAFT = '.draft-';
const GONE = '.gone-';

export const draftName = (key: string): string => `${DRAFT}${key}-${randomBytes(4).toString('hex')}`;

/** Whether somebody else saves this ladder now. */
export async function isBeingSaved(root: string, key: string, own: string): Promise<boolean> {
  for (const name of namesIn(root)) {
    if (!name.startsWith(`${DRAFT}${key}-`) || name === own) continue;
    const dir = join(root, name);
    const lock = await tryExistingLock(join(dir, LOCK_FILE), 'shared');
    lock?.release();
    if (lock === null && lastUse(dir) > 0) return true;
  }
  return false;
}

/** Names of all ladders. */
export function keysIn(root: string): string[] {
  return namesIn(root).filter((name) => KEY.test(name));
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}

/** Bytes on disk of the files in a folder; holes take none. */
export async function bytesOnDisk(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir).catch(() => []))
    bytes += ((await lstat(join(dir, name)).catch(() => null))?.blocks ?? 0) * 512;
  return bytes;
}

/** When a ladder was last used, in milliseconds since 1970. 0: it has no lock, so nobody can use it. */
export function lastUse(dir: string): number {
  try {
    const stat = statSync(join(dir, LOCK_FILE));
    return stat.isFile() ? stat.mtimeMs : 0;
  } catch {
    return 0;
  }
}

/** Something else has the name of the lock: a pipe or a folder, for example. */
function isOddLock(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}

/** Takes a folder's name away, so that nobody finds half of it, and removes it. Does nothing if it is gone. */
export async function removeFolder(root: string, name: string): Promise<void> {
  const hidden = join(root, `${GONE}${randomBytes(4).toString('hex')}`);
  try {
    renameSync(join(root, name), hidden);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(hidden, { recursive: true, force: true });
}

/** Removes a folder unless somebody uses it or writes to it; returns whether it did. */
export async function removeUnused(root: string, name: string): Promise<boolean> {
  const lock = await tryExistingLock(join(root, name, LOCK_FILE), 'exclusive');
  if (lock === null) return false;
  try {
    await removeFolder(root, name);
    return true;
  } finally {
    lock.release();
  }
}

/** Removes what killed labs left: drafts that nobody writes, and folders that were being removed. */
export async function sweep(root: string): Promise<void> {
  for (const name of namesIn(root)) {
    if (name.startsWith(GONE)) await rm(join(root, name), { recursive: true, force: true });
    else if (isUseless(root, name)) await removeFolder(root, name);
    else if (name.startsWith(DRAFT)) await removeUnused(root, name);
  }
}

/** Without a lock nobody can use it. A draft has none in the moment between its folder and its lock. */
function isUseless(root: string, name: string): boolean {
  const dir = join(root, name);
  return KEY.test(name) ? lastUse(dir) === 0 : name.startsWith(DRAFT) && isOddLock(join(dir, LOCK_FILE));
}
