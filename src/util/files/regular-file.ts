// SPDX-License-Identifier: Apache-2.0
// Reads regular files only, within a limit of bytes. A pipe or a device of the host would never end, or never begin.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  read,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../errors.js';

/** The file is there, but the lab does not read it. */
export class UnusableFile extends Error {
  override name = 'UnusableFile';
}

export class TooLarge extends UnusableFile {
  override name = 'TooLarge';
}

export interface ReadLimits {
  maxBytes: number;
  /** The file that is really opened must lie in this folder; links are followed first. Null for anywhere. */
  within?: string | null;
}

const CHUNK = 1 << 20;
const readPiece = promisify(read);

/** Opening a pipe must not wait for its other end. */
function openAny(path: string, flags: number = constants.O_RDONLY): number {
  return openSync(path, flags | constants.O_NONBLOCK);
}

/** Opens a regular file. Throws an UnusableFile, or Node's error if it cannot be opened. */
export function openRegular(path: string, flags?: number): number {
  const fd = openAny(path, flags);
  try {
    check(fstatSync(fd), Infinity);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Throws an UnusableFile, or Node's error if the file cannot be opened. */
export async function readRegularFile(path: string, { maxBytes, within = null }: ReadLimits): Promise<Buffer> {
  // What must not be read is refused before anything waits.
  const fd = openAny(path);
  try {
    check(fstatSync(fd), maxBytes);
    if (within !== null) checkInside(readlinkSync(`/proc/self/fd/${fd}`), within);
    const chunks: Buffer[] = [];
    for (let total = 0; ;) {
      const size = Math.min(CHUNK, maxBytes + 1 - total);
      const { bytesRead, buffer } = await readPiece(fd, Buffer.alloc(size), 0, size, null);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      if ((total += bytesRead) > maxBytes) throw tooLarge(total, maxBytes);
    }
  } finally {
    closeSync(fd);
  }
}

/** The same for small files that are read at once. */
export function readRegularFileSync(path: string, { maxBytes, within = null }: ReadLimits): Buffer {
  const fd = openAny(path);
  try {
    check(fstatSync(fd), maxBytes);
    if (within !== null) checkInside(readlinkSync(`/proc/self/fd/${fd}`), within);
    const chunks: Buffer[] = [];
    for (let total = 0; ;) {
      const buffer = Buffer.alloc(Math.min(CHUNK, maxBytes + 1 - total));
      const count = readSync(fd, buffer);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, count));
      if ((total += count) > maxBytes) throw tooLarge(total, maxBytes);
    }
  } finally {
    closeSync(fd);
  }
}

/** Why `readRegularFile` would not read it; null if it would. Opens nothing. */
export function regularFileProblem(path: string, { maxBytes, within = null }: ReadLimits): string | null {
  try {
    // First: a path elsewhere must not tell whether there is a file, or how large it is.
    if (within !== null) checkInside(isLexicallyInside(path, within) ? realpathSync(path) : path, within);
    check(statSync(path), maxBytes);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no such file' : messageOf(error);
  }
}

/** True if the path, with its links followed, is the folder or lies in it. */
export function isInside(path: string, folder: string): boolean {
  try {
    const [real, around] = [realpathSync(path), realpathSync(folder)];
    return real === around || real.startsWith(around.endsWith(sep) ? around : around + sep);
  } catch {
    return false;
  }
}

function check(stat: Stats, maxBytes: number): void {
  if (!stat.isFile()) throw new UnusableFile(`expected a regular file, found ${kindOf(stat)}`);
  if (stat.size > maxBytes) throw tooLarge(stat.size, maxBytes);
}

function isLexicallyInside(path: string, folder: string): boolean {
  return resolve(path).startsWith(resolve(folder) + sep);
}

function checkInside(real: string, folder: string): void {
  if (!isInside(real, folder)) throw new UnusableFile(`it is not in the folder ${folder}`);
}

function tooLarge(bytes: number, maxBytes: number): TooLarge {
  return new TooLarge(`it has ${bytes} bytes or more; at most ${maxBytes} are read`);
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}
