// SPDX-License-Identifier: Apache-2.0
// A lock between processes, which the kernel releases when its holders are gone, however that happened (flock(2)). Node
// cannot call flock. So flock(1) locks a descriptor that it shares with the lab, and exits; the lock stays with the
// descriptor. If a child gets the descriptor too, the lock is held until that child is gone.
import { closeSync, constants, fstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LabError, messageOf } from '../errors.js';
import { openRegular } from '../files/regular-file.js';
import { CannotStart, startChild } from './child.js';

export interface Lock {
  /** The locked descriptor. Give it to children that must be gone before the lock is free again. */
  readonly fd: number;
  release(): void;
}

export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called once if somebody else holds the lock. */
  onWait?: () => void;
}

export async function acquireLock(path: string, options: LockOptions = {}): Promise<Lock> {
  for (let waited = false; ;) {
    options.signal?.throwIfAborted();
    const fd = openLock(path);
    try {
      if (!(await flock(fd, ['-n', '-x'], options.signal))) {
        if (!waited) options.onWait?.();
        waited = true;
        await flock(fd, ['-x'], options.signal);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    if (stillNamed(fd, path)) return held(fd);
    // The file was deleted while the lab waited, so nobody else would see this lock.
    closeSync(fd);
  }
}

/** Returns the lock, or null if somebody else holds it. */
export async function tryLock(path: string, signal?: AbortSignal): Promise<Lock | null> {
  for (;;) {
    const fd = openLock(path);
    let locked = false;
    try {
      locked = await flock(fd, ['-n', '-x'], signal);
    } finally {
      if (!locked) closeSync(fd);
    }
    if (!locked) return null;
    if (stillNamed(fd, path)) return held(fd);
    closeSync(fd);
  }
}

/**
 * Locks a regular file that must exist; returns null if it does not, or if somebody holds it otherwise.
 * @param kind any number of holders can share a lock
 */
export async function tryExistingLock(
  path: string,
  kind: 'shared' | 'exclusive',
  signal?: AbortSignal,
): Promise<Lock | null> {
  let fd: number;
  try {
    fd = openRegular(path);
  } catch {
    return null;
  }
  let locked = false;
  try {
    locked = (await flock(fd, ['-n', kind === 'shared' ? '-s' : '-x'], signal)) && stillNamed(fd, path);
  } finally {
    if (!locked) closeSync(fd);
  }
  return locked ? held(fd) : null;
}

function held(fd: number): Lock {
  let open = true;
  return {
    fd,
    release: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** Runs `body` while holding the lock. */
export async function withLock<T>(path: string, options: LockOptions, body: (lock: Lock) => Promise<T>): Promise<T> {
  const lock = await acquireLock(path, options);
  try {
    return await body(lock);
  } finally {
    lock.release();
  }
}

/** Creates the file if it is missing. Throws a LabError if something else has its name: a pipe would block. */
function openLock(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  try {
    return openRegular(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  } catch (error) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.isFile()) throw error;
    throw new LabError(`${path} is no lock file: ${messageOf(error)}`, { hint: `rm -r ${path}`, cause: error });
  }
}

function stillNamed(fd: number, path: string): boolean {
  try {
    return fstatSync(fd).ino === statSync(path).ino;
  } catch {
    return false;
  }
}

async function flock(fd: number, flags: string[], signal: AbortSignal | undefined): Promise<boolean> {
  let code: number | null;
  try {
    ({ code } = await startChild(['flock', ...flags, '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      tie: 'none',
      signal,
    }).ended);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    throw new LabError(error.message, { hint: 'apt-get install util-linux', cause: error });
  }
  if (code === 0) return true;
  if (code === 1 && flags.includes('-n')) return false;
  throw new LabError(`flock ended with ${code}`);
}
